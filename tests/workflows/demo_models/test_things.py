"""Drawn things: every noun keeps its contract, repeats for a seed, varies between seeds, and keeps its colour."""

import numpy as np
import pytest

from workflows.demo_models.surfaces import PLAIN, Surface, Surroundings, View, ellipse_distance
from workflows.demo_models.things import DRAW, book

PAINT = {"red": (0.8, 0.11, 0.12), "green": (0.2, 0.56, 0.2), "blue": (0.14, 0.32, 0.76)}
PAINTED = ("book", "box", "mug", "bowl", "plate", "ball", "bag", "envelope")
LIGHT = np.array([0.3, -0.6, 0.74], np.float32)


def specimen(noun, seed, size=48.0, angle=0.0, colour=(0.7, 0.4, 0.2)):
    rng = np.random.default_rng(seed)
    return DRAW[noun](size, angle, np.array(colour, np.float32), rng)


def test_registry_names_thirty_five_nouns():
    assert len(DRAW) == 35
    assert {"orange", "pepper", "book", "scissors", "ball"} <= set(DRAW)


@pytest.mark.parametrize("noun", DRAW)
def test_specimen_any_turn_lies_whole_on_its_grid(noun):
    for seed in range(8):
        size, angle = (20.0, 48.0, 90.0)[seed % 3], seed * 0.8
        surface = specimen(noun, seed, size, angle)
        alpha = surface.alpha
        shown = np.argwhere(alpha > 0.5)
        longest = (np.ptp(shown, axis=0) + 1).max()
        assert 0.55 * size < longest < 1.5 * size
        frame = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert (frame > 0.5).mean() < 0.05
        assert alpha.min() >= 0.0
        assert alpha.max() <= 1.0 + 1e-5


@pytest.mark.parametrize("noun", DRAW)
def test_specimen_lit_is_a_finite_float32_picture(noun):
    for seed in range(4):
        surface = specimen(noun, seed, angle=1.1 * seed)
        picture = surface.lit(LIGHT, 0.4, Surroundings.drawn(np.random.default_rng(seed)))
        assert picture.shape == (*surface.alpha.shape, 3)
        assert picture.dtype == np.float32
        assert {plane.dtype for plane in (surface.albedo, surface.normal, surface.alpha)} == {np.dtype(np.float32)}
        assert np.isfinite(picture).all()
        assert picture.min() >= 0.0
        assert picture.max() <= 1.0


@pytest.mark.parametrize("noun", DRAW)
def test_specimen_same_seed_repeats_and_other_seeds_differ(noun):
    first, again, other = (specimen(noun, seed).lit(LIGHT, 0.4) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or np.abs(first - other).mean() > 0.01


@pytest.mark.parametrize("noun", PAINTED)
def test_painted_thing_is_mostly_of_the_colour_asked_for(noun):
    """A person would call most specimens by their colour: their strongest channel on average is the one asked for."""
    for channel, colour in enumerate(PAINT.values()):
        hits = 0
        for seed in range(12):
            surface = specimen(noun, seed, colour=colour)
            mean = surface.lit(np.array([0.0, -0.5, 0.87], np.float32), 0.45)[surface.alpha > 0.5].mean(0)
            hits += int(np.argmax(mean) == channel)
        assert hits >= 10


def test_book_spine_is_slimmer_than_its_cover():
    def width(spine):
        surface = book(60.0, 0.0, np.array(PAINT["blue"], np.float32), np.random.default_rng(1), spine=spine)
        return np.flatnonzero((surface.alpha > 0.5).any(0)).size

    assert width(True) < 0.6 * width(False)


def disc(gloss=0.0, sharpness=40.0, angle=0.0):
    view = View.of(40.0, angle, radius=1.0)
    surface = Surface(view, gloss, sharpness)
    depth = np.sqrt(np.clip(1.0 - view.u**2 - view.v**2, 0.0, 1.0))
    normal = np.stack([view.u, view.v, depth])
    surface.body(view.inside(ellipse_distance(view, (0.0, 0.0), (1.0, 1.0))), (0.5, 0.5, 0.5), normal)
    return surface


def test_lit_side_faces_the_lamp_however_the_thing_is_turned():
    for angle in (0.0, 0.7, 2.5):
        picture = disc(angle=angle).lit(np.array([0.8, 0.0, 0.6], np.float32), 0.3)
        middle = picture.shape[1] // 2
        assert picture[middle, middle + 12].mean() > picture[middle, middle - 12].mean() + 0.2


def test_lit_gloss_adds_a_highlight_and_a_window_squares_it():
    light = np.array([0.0, 0.0, 1.0], np.float32)
    dull, wet = disc().lit(light, 0.4), disc(gloss=0.9).lit(light, 0.4)
    middle = dull.shape[0] // 2
    assert wet[middle, middle].mean() > dull[middle, middle].mean() + 0.3
    panes = Surroundings(PLAIN.key, PLAIN.sky, PLAIN.ground, PLAIN.second, PLAIN.second_rgb, 0.2, window=0.4)
    squared = disc(gloss=0.9, sharpness=90.0).lit(light, 0.4, panes) - disc(sharpness=90.0).lit(light, 0.4, panes)
    lit_rows, lit_columns = np.nonzero((squared[..., 0] > 0.3) & (disc().alpha > 0.9))
    assert np.ptp(lit_rows) > np.ptp(lit_columns) + 3


def test_lit_second_lamp_and_sky_colour_its_side():
    light, base = np.array([0.0, -0.4, 0.9], np.float32), PLAIN
    red = np.array([0.6, 0.0, 0.0], np.float32)
    left = np.array([-0.9, 0.0, 0.4], np.float32)
    around = Surroundings(base.key, base.sky, base.ground, left, red, base.wrap, 0.0)
    gain = disc().lit(light, 0.4, around) - disc().lit(light, 0.4)
    middle = gain.shape[0] // 2
    assert gain[middle, middle - 14, 0] > gain[middle, middle + 14, 0] + 0.1
    assert np.abs(gain[..., 1:]).max() < 1e-5


def test_part_painting_a_window_paints_the_whole_surface():
    surface = disc()
    before = surface.albedo.copy()
    surface.mark([(-0.2, -0.2), (0.2, -0.2), (0.2, 0.2), (-0.2, 0.2)], (1.0, 0.0, 0.0))
    changed = np.argwhere(np.abs(surface.albedo - before).max(0) > 0.1)
    height, width = surface.alpha.shape
    assert len(changed) > 40
    assert np.abs(changed.mean(0) - [(height - 1) / 2, (width - 1) / 2]).max() < 1.0
