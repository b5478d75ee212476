"""Training runs, stops, goes on where it was, and saves what the product opens."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from agent_tools.services.grounding_dino import GroundingDino
from workflows.demo_models import detector_pool, train_detector
from workflows.demo_models.checkpoints import Budget, one_cycle, read_checkpoint, write_checkpoint
from workflows.demo_models.detector_calibration import precision_curve
from workflows.demo_models.detector_pool import Sample, model_size, read_shard, render_sample, write_shard
from workflows.demo_models.scenes import EVALUATION_SEEDS, KINDS, NOUNS, render_scene
from workflows.demo_models.train_detector import DetectorSettings, Trainer, picture_batch, smoke


@pytest.fixture(scope="module")
def settings():
    path = train_detector.__file__.replace("train_detector.py", "detector.yaml")
    return smoke(DetectorSettings.load(train_detector.Path(path)))


@pytest.fixture(scope="module")
def samples():
    return [render_sample(seed, (120, 90), 64, 96) for seed in range(4)]


@pytest.fixture(scope="module")
def finished(settings, samples, tmp_path_factory):
    """A trainer after all its steps, and its folder."""
    torch.manual_seed(0)
    trainer = Trainer(settings, tmp_path_factory.mktemp("train"), 1.0, 2, 0, "cpu")
    while trainer.phase is not None:
        trainer.step(samples[:2])
    trainer.save()
    return trainer


def test_training_goes_through_both_phases(finished):
    assert [budget.done for budget in finished.budgets.values()] == [2, 2]


def test_training_past_its_budget_is_refused(finished, samples):
    with pytest.raises(RuntimeError, match="used up"):
        finished.step(samples[:2])


def test_resumed_training_takes_the_same_next_step(settings, samples, tmp_path):
    straight = Trainer(settings, tmp_path, 1.0, 3, 0, "cpu")
    for _ in range(4):
        straight.step(samples[:2])
    straight.save()
    resumed = Trainer(settings, tmp_path, 1.0, 3, 99, "cpu")
    assert resumed.resume()
    assert resumed.budgets["detector"].done == 1
    expected, found = straight.step(samples[2:]), resumed.step(samples[2:])
    assert found == expected
    for name, value in straight.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_resume_without_a_checkpoint_says_so(settings, tmp_path):
    assert Trainer(settings, tmp_path, 1.0, 1, 0, "cpu").resume() is False


def test_bundle_opens_as_the_product_opens_it(finished):
    finished.write_bundle(2)
    folder = finished.out / "detector"
    read = json.loads((folder / "askmask.json").read_text())
    detector = GroundingDino(folder, "cpu")
    assert detector.threshold == read["threshold"]
    assert detector.floor == read["floor"]
    assert detector.nouns == NOUNS
    scene = render_scene(5, 120, 90)
    inputs = detector._processor(images=Image.fromarray(scene.image), text="red apple.", return_tensors="pt")
    averaged = finished.model
    averaged.load_state_dict(finished.average)
    with torch.inference_mode():
        half, whole = detector._model(**inputs), averaged.eval()(**inputs)
    assert torch.allclose(half.pred_boxes, whole.pred_boxes, atol=2e-2)


def test_picture_batch_mirrors_boxes_with_pixels():
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, :2] = 255
    sample = Sample(image, np.array([[0.125, 0.5, 0.25, 1.0]], np.float32), np.array([0]))
    pixels, boxes, kinds = picture_batch([sample] * 32, np.random.default_rng(0))
    bright_left = pixels[:, 0, 0, 0] > pixels[:, 0, 0, 7]
    assert 4 < int(bright_left.sum()) < 28
    assert torch.equal(boxes[:, 0, 0] < 0.5, bright_left)
    assert (kinds == 0).all()


def test_samples_keep_boxes_and_kinds_of_the_scene():
    scene, sample = render_scene(3, 120, 90), render_sample(3, (120, 90), 64, 96)
    assert sample.image.shape == (64, 85, 3)
    assert [KINDS[kind] for kind in sample.kinds] == [(thing.noun, thing.colour) for thing in scene.objects]
    left = (sample.boxes[:, 0] - sample.boxes[:, 2] / 2) * 120
    assert left.tolist() == pytest.approx([float(thing.box[0]) for thing in scene.objects], abs=1e-3)


def test_shard_comes_back_as_written(tmp_path, monkeypatch):
    monkeypatch.setattr(detector_pool, "SHAPES", ((96, 72),))
    write_shard(tmp_path / "shard-0000.npz", 0, 64, 96, 0, 3)
    back = read_shard(tmp_path / "shard-0000.npz")
    assert len(back) == 3
    assert np.array_equal(back[2].image, render_sample(2, (96, 72), 64, 96).image)
    assert [path.name for path in tmp_path.iterdir()] == ["shard-0000.npz"]


def test_shard_of_evaluation_seeds_is_refused(tmp_path):
    with pytest.raises(ValueError, match="for measuring"):
        write_shard(tmp_path / "shard-0000.npz", 0, 64, 96, EVALUATION_SEEDS, 1)


@pytest.mark.parametrize(
    ("size", "expected"), [((320, 240), (256, 192)), ((240, 240), (192, 192)), ((640, 200), (256, 80))]
)
def test_model_size_keeps_the_shape_and_both_limits(size, expected):
    assert model_size(*size, 192, 256) == expected


def test_one_cycle_rises_then_falls_to_nothing():
    factors = [one_cycle(progress, 0.1) for progress in (0.0, 0.05, 0.1, 0.55, 1.0)]
    assert factors == pytest.approx([0.02, 0.5, 1.0, 0.5, 0.0], abs=1e-6)


def test_budget_by_steps_ends_after_them():
    budget = Budget(seconds=1e9, steps=2)
    budget.advance()
    assert (budget.progress, budget.over) == (0.5, False)
    budget.advance()
    assert budget.over


def test_budget_idle_time_before_the_first_step_is_free():
    budget = Budget(seconds=1.0)
    budget.advance()
    assert budget.spent == 0.0


def test_checkpoint_comes_back_and_leaves_no_partial_file(tmp_path):
    write_checkpoint(tmp_path / "a" / "checkpoint.pt", {"weights": torch.arange(3)})
    state = read_checkpoint(tmp_path / "a" / "checkpoint.pt")
    assert state is not None
    assert state["weights"].tolist() == [0, 1, 2]
    assert len(list((tmp_path / "a").iterdir())) == 1
    assert read_checkpoint(tmp_path / "none.pt") is None


def test_precision_curve_rises_with_the_score():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0, 1, 600).astype(np.float32)
    curve = precision_curve(scores, rng.uniform(0, 1, 600) < scores)
    levels, shares = zip(*curve, strict=True)
    assert list(levels) == sorted(levels)
    assert list(shares) == sorted(shares)
    assert shares[0] < 0.2
    assert shares[-1] > 0.8
    assert precision_curve(scores[:10], scores[:10] > 0.5) == ()
