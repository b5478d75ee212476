"""Rendered scenes: the same seed gives the same scene, and every label is exactly what is drawn."""

import numpy as np
import pytest

from workflows.demo_models.detector_calibration import VALIDATION_SEEDS
from workflows.demo_models.plain.scenes import COLOURS, KINDS, LEAST_VISIBLE, NOUNS, PRODUCE, render_plain_scene
from workflows.demo_models.plain.surfaces import View, box_distance
from workflows.demo_models.scenes import EVALUATION_SEEDS, PLURALS

SEEDS = range(40)


@pytest.fixture(scope="module")
def scenes():
    return [render_plain_scene(seed, 160, 120) for seed in SEEDS]


def test_scene_same_seed_is_identical():
    first, second = render_plain_scene(7, 160, 120), render_plain_scene(7, 160, 120)
    assert np.array_equal(first.image, second.image)
    assert [thing.noun for thing in first.objects] == [thing.noun for thing in second.objects]
    assert all(np.array_equal(a.mask, b.mask) for a, b in zip(first.objects, second.objects, strict=True))


def test_scene_other_seed_differs():
    assert not np.array_equal(render_plain_scene(7, 160, 120).image, render_plain_scene(8, 160, 120).image)


def test_scene_size_is_as_asked():
    scene = render_plain_scene(3, 200, 96)
    assert scene.image.shape == (96, 200, 3)
    assert scene.image.dtype == np.uint8
    assert all(thing.mask.shape == (96, 200) for thing in scene.objects)


def test_scene_too_small_is_refused():
    with pytest.raises(ValueError, match="at least 64x64"):
        render_plain_scene(0, 32, 32)


def test_boxes_every_object_touch_their_masks_on_all_sides(scenes):
    for scene in scenes:
        for thing in scene.objects:
            rows, columns = np.nonzero(thing.mask)
            expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert thing.box.tolist() == expected
            assert thing.box.dtype == np.float32


def test_masks_of_a_scene_never_overlap(scenes):
    for scene in scenes:
        assert np.sum([thing.mask for thing in scene.objects], axis=0).max() <= 1


def test_objects_are_mostly_in_sight_and_named_from_the_vocabulary(scenes):
    for scene in scenes:
        assert 1 <= len(scene.objects) <= 20
        for thing in scene.objects:
            assert (thing.noun, thing.colour) in KINDS
            assert LEAST_VISIBLE <= thing.visible <= 1.0


def test_count_by_noun_and_by_colour_agree_with_the_objects(scenes):
    for scene in scenes:
        for noun in NOUNS:
            of_noun = [thing for thing in scene.objects if thing.noun == noun]
            assert scene.count(noun) == len(of_noun)
            assert sum(scene.count(noun, colour) for colour in COLOURS) == len(of_noun)


def test_layouts_give_one_noun_in_several_colours_often(scenes):
    mixed = [any(len({t.colour for t in s.objects if t.noun == n}) > 1 for n in NOUNS) for s in scenes]
    assert sum(mixed) >= len(scenes) // 10


def test_objects_carry_their_colour_in_their_pixels():
    """An orange is drawn orange and a lime green: the mean inside the mask leans the way the name says."""
    leaning = {"tomato": (0, 2), "lime": (1, 2), "lemon": (0, 2), "orange": (0, 2), "carrot": (0, 2)}
    seen = set()
    for seed in range(150):
        scene = render_plain_scene(seed, 96, 72)
        for thing in scene.objects:
            if thing.noun in leaning:
                high, low = leaning[thing.noun]
                mean = scene.image[thing.mask].mean(axis=0)
                assert mean[high] > mean[low]
                seen.add(thing.noun)
    assert seen == set(leaning)


def test_seeds_for_training_validation_and_measuring_are_apart():
    assert 0 < VALIDATION_SEEDS < EVALUATION_SEEDS


def test_plurals_are_english():
    assert {noun: PLURALS[noun] for noun in ("potato", "peach", "box", "apple")} == {
        "potato": "potatoes",
        "peach": "peaches",
        "box": "boxes",
        "apple": "apples",
    }
    assert set(PRODUCE) <= set(PLURALS)


def test_view_box_covers_exactly_its_pixels():
    view = View.of(8.0, 0.0)
    coverage = view.inside(box_distance(view, -0.5, -0.5, 0.5, 0.5))
    assert coverage.sum() == pytest.approx(16.0, abs=1.0)
    assert coverage.max() == 1.0
    assert coverage.min() == 0.0
