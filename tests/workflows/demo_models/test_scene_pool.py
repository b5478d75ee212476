"""Scenes on disk come back as drawn, and a window of one knows what it cut off."""

import numpy as np
import pytest

from workflows.demo_models import scene_pool
from workflows.demo_models.loading import Batches
from workflows.demo_models.scene_pool import Labelled, PoolSettings, ScenePool, Shard, labelled, window, write_shard
from workflows.demo_models.scenes import EVALUATION_SEEDS, KINDS, render_scene


def test_labelled_scene_keeps_masks_kinds_and_shares():
    scene = render_scene(3, 120, 90)
    picture = labelled(scene)
    assert scene.objects
    for number, thing in enumerate(scene.objects, start=1):
        assert np.array_equal(picture.labels == number, thing.mask)
        assert KINDS[picture.kinds[number - 1]] == (thing.noun, thing.colour)
        assert picture.visible[number - 1] == pytest.approx(thing.visible)


def test_window_halves_the_share_of_a_thing_that_it_cuts_in_half():
    labels = np.array([[1, 1, 0, 2], [1, 1, 0, 2]], np.uint8)
    picture = Labelled(np.zeros((2, 4, 3), np.uint8), labels, np.array([4, 5]), np.array([0.8, 1.0], np.float32))
    part = window(picture, 1, 0, 2, 2)
    assert part.labels.tolist() == [[1, 0], [1, 0]]
    assert part.visible.tolist() == pytest.approx([0.4, 0.0])
    assert part.kinds.tolist() == [4, 5]


def test_shard_comes_back_as_written(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_pool, "SHAPES", ((96, 72),))
    write_shard(tmp_path / "shard-0000", 0, 0, 3)
    shard = Shard.open(tmp_path / "shard-0000")
    assert len(shard) == 3
    for seed in range(3):
        for back, drawn in zip(shard.picture(seed), labelled(render_scene(seed, 96, 72)), strict=True):
            assert np.array_equal(back, drawn)
    assert [path.name for path in tmp_path.iterdir()] == ["shard-0000"]


def test_shard_written_twice_stays_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_pool, "SHAPES", ((96, 72),))
    for _ in range(2):
        write_shard(tmp_path / "shard-0000", 0, 0, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["shard-0000"]


def test_shard_of_evaluation_seeds_is_refused(tmp_path):
    with pytest.raises(ValueError, match="for measuring"):
        write_shard(tmp_path / "shard-0000", 0, EVALUATION_SEEDS, 1)


def test_pool_draws_pictures_of_one_shape_where_they_have_to_be_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(scene_pool, "SHAPES", ((96, 72), (64, 64)))
    for number in range(2):
        write_shard(tmp_path / f"shard-{number:04d}", number, 0, 2)
    pool, rng = ScenePool(tmp_path, 2, 0, 2, renderers=0), np.random.default_rng(0)
    assert len(pool) == 4
    drawn = [pool.draw(3, rng, alike=True) for _ in range(20)]
    assert all(len({picture.labels.shape for picture in pictures}) == 1 for pictures in drawn)
    assert {pictures[0].labels.shape for pictures in drawn} == {(72, 96), (64, 64)}
    assert len({picture.labels.shape for picture in pool.draw(20, rng)}) == 2
    pool.close()


def test_pool_renders_what_is_missing(tmp_path, monkeypatch):
    pool = ScenePool(tmp_path, 1, 0, 1)
    assert len(pool) == 1
    pool.close()


def first_labels(pool, rng):
    return pool.draw(1, rng)[0].labels.copy()


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_as_made_and_differ(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(scene_pool, "SHAPES", ((96, 72),))
    write_shard(tmp_path / "shard-0000", 0, 0, 4)
    source = Batches(tmp_path, PoolSettings(shards=1, shard_size=4, first_seed=0), first_labels, (1, 0))
    batches = source.load(workers)
    drawn = [next(batches) for _ in range(12)]
    assert all(isinstance(labels, np.ndarray) and labels.shape == (72, 96) for labels in drawn)
    assert len({labels.tobytes() for labels in drawn}) > 1
