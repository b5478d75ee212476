"""What hides what: decided from front to back, so that nothing countable is left with too little in sight."""

import numpy as np
import pytest

from workflows.demo_models.camera import Hold, photograph
from workflows.demo_models.choices import LOOK_ALIKES, MOST, choose
from workflows.demo_models.clutter import CLUTTER
from workflows.demo_models.composition import LEAST_VISIBLE, Stage, paint, settle
from workflows.demo_models.containers import Region, bowl, close
from workflows.demo_models.kinds import KINDS, LENGTHS, NOUNS, shades
from workflows.demo_models.layouts import LAYOUTS
from workflows.demo_models.lights import Lights
from workflows.demo_models.specimens import Posed, Specimens
from workflows.demo_models.things import DRAW


class Slab:
    """A flat rectangle of one grey."""

    def __init__(self, height, width, grey=0.5):
        self.alpha = np.ones((height, width), np.float32)
        self.grey = grey

    def lit(self, lights):
        return np.full((*self.alpha.shape, 3), self.grey, np.float32)


def empty_stage(width=120, height=100, seed=0):
    rng = np.random.default_rng(seed)
    picture = np.ones((height, width, 3), np.float32)
    in_frame = np.ones((height, width), bool)
    return Stage(rng, picture, in_frame, float(min(width, height)), Lights.draw(rng), Specimens(rng, 2))


def test_settle_thing_behind_another_loses_what_is_hidden():
    stage = empty_stage()
    stage.lay(Slab(40, 40), (50, 50), ("apple", "red"))
    stage.lay(Slab(40, 20), (60, 50), ("pear", "green"))
    settled = settle(stage)
    assert settled.kinds == (("pear", "green"), ("apple", "red"))
    assert settled.visible == (1.0, 0.5)
    assert (settled.ids == 0).sum() == 800
    assert (settled.ids == 1).sum() == 800


@pytest.mark.parametrize("kind", [None, ("pear", "green")])
def test_settle_thing_mostly_hidden_is_taken_out(kind):
    stage = empty_stage()
    stage.lay(Slab(40, 40), (50, 50), ("apple", "red"))
    stage.lay(Slab(40, 30), (50, 50), kind)
    settled = settle(stage)
    assert ("apple", "red") not in settled.kinds
    assert len(settled.layers) == 1


def test_settle_thing_mostly_outside_the_frame_is_taken_out():
    stage = empty_stage()
    stage.in_frame[:, :50] = False
    stage.lay(Slab(40, 40), (42, 50), ("apple", "red"))
    stage.lay(Slab(40, 40), (54, 10), ("pear", "green"))
    assert settle(stage).kinds == (("pear", "green"),)


def test_settle_thing_too_small_to_be_seen_is_taken_out():
    stage = empty_stage()
    stage.lay(Slab(1, 1), (50, 50), ("apple", "red"))
    assert settle(stage).kinds == ()


def test_settle_what_a_removed_thing_would_have_hidden_stays():
    stage = empty_stage()
    stage.lay(Slab(30, 30), (50, 50), ("pear", "green"))
    stage.lay(Slab(40, 40), (50, 50), ("apple", "red"))
    stage.lay(Slab(40, 30), (50, 50), None)
    stage.items[-1].x -= 4
    assert ("apple", "red") not in settle(stage).kinds


def test_paint_shows_every_layer_that_stays_in_its_place():
    stage = empty_stage()
    stage.lay(Slab(20, 20, 0.2), (30, 30), ("apple", "red"))
    stage.lay(Slab(20, 20, 0.7), (80, 60), ("pear", "green"))
    settled = settle(stage)
    paint(stage, settled)
    assert stage.picture[settled.ids == settled.kinds.index(("apple", "red"))] == pytest.approx(0.2)
    assert stage.picture[settled.ids == settled.kinds.index(("pear", "green"))] == pytest.approx(0.7)
    assert stage.picture[0, 0] == pytest.approx(1.0)


def test_bowl_front_wall_counts_as_the_bowl():
    for seed in range(5):
        stage = empty_stage(seed=seed)
        inside, fronts = bowl(stage, Region(20, 20, 100, 80))
        stage.put(("orange", "orange"), inside.middle, 20.0, 0.0)
        close(stage, fronts)
        settled = settle(stage)
        (index,) = [place for place, kind in enumerate(settled.kinds) if kind[0] == "bowl"]
        assert settled.ids[70, 60] == index
        assert settled.visible[index] > LEAST_VISIBLE


def test_posed_thing_has_the_size_asked_for():
    specimens = Specimens(np.random.default_rng(3), 2)
    for size in (20.0, 45.0, 80.0):
        look = specimens.pose(("orange", "orange"), size, 0.4)
        rows = np.flatnonzero(look.alpha.max(1) > 0.5)
        assert rows[-1] - rows[0] == pytest.approx(size, rel=0.2)


def test_hold_ids_and_picture_stay_together():
    for seed in range(6):
        hold = Hold.draw(np.random.default_rng(seed), 120, 90)
        ids = np.full((hold.size[1], hold.size[0]), -1, np.int16)
        ids[30:60, 40:80] = 3
        picture = np.zeros((*ids.shape, 3), np.float32)
        picture[30:60, 40:80] = 1.0
        seen = hold.seen_ids(ids)
        assert seen.shape == (90, 120)
        assert np.mean((hold.seen(picture)[..., 0] > 0.5) == (seen == 3)) > 0.99


def test_photograph_keeps_the_size_and_gives_bytes():
    for seed in range(12):
        image = photograph(np.full((70, 90, 3), 0.5, np.float32), 10.0, np.random.default_rng(seed))
        assert image.shape == (70, 90, 3)
        assert image.dtype == np.uint8
        assert 25 < image.mean() < 235


def test_every_clutter_can_be_drawn_and_seen():
    for name, (_, draw) in CLUTTER.items():
        rng = np.random.default_rng(5)
        piece = draw(rng, 60.0)
        picture = Posed(piece, (1.0, 1.0), 0.5).lit(Lights.draw(rng))
        assert np.isfinite(picture).all(), name
        assert (piece.alpha > 0.5).sum() > 40, name


@pytest.mark.parametrize("name", LAYOUTS)
def test_layout_places_what_is_wanted(name):
    layout = LAYOUTS[name]
    for seed in range(3):
        stage = empty_stage(160, 120, seed)
        wanted = [((layout.nouns[0], next(colour for noun, colour in KINDS if noun == layout.nouns[0])), 4)]
        layout.place(stage, wanted)
        assert 2 <= settle(stage).kinds.count(wanted[0][0]) <= MOST


def test_choose_keeps_to_the_nouns_and_numbers():
    rng = np.random.default_rng(0)
    mixed = 0
    for _ in range(200):
        wanted = choose(rng, ("apple", "pear", "book"))
        assert {kind[0] for kind, _ in wanted} <= {"apple", "pear", "book"}
        assert all(kind in KINDS and 1 <= number <= MOST for kind, number in wanted)
        assert len({kind for kind, _ in wanted}) == len(wanted)
        nouns = [kind[0] for kind, _ in wanted]
        mixed += len(set(nouns)) < len(nouns)
    assert mixed > 40


def test_kinds_every_noun_can_be_drawn_and_has_shades_and_a_length():
    assert set(DRAW) == set(NOUNS) == set(LENGTHS)
    assert len(NOUNS) == 35
    for kind in KINDS:
        corners = [shades(kind).rgb(np.array(at, float)) for at in ((0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5))]
        assert all(0.0 <= corner.min() <= corner.max() <= 1.0 for corner in corners)
    assert {kind for group in LOOK_ALIKES for kind in group} <= set(KINDS)
