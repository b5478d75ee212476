"""Training runs, stops, goes on where it was, and saves what the product opens."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from agent_tools.services.grounding_dino import GroundingDino
from workflows.demo_models import train_detector
from workflows.demo_models.checkpoints import Budget, read_checkpoint, write_checkpoint
from workflows.demo_models.detector_calibration import precision_curve
from workflows.demo_models.detector_model import build_model, early_proposals, take_over
from workflows.demo_models.detector_prompts import TOKENS
from workflows.demo_models.detector_samples import Sample, closer, draw_sample, model_size, sample_of
from workflows.demo_models.scene_pool import Labelled, labelled
from workflows.demo_models.scenes import KINDS, NOUNS, render_scene
from workflows.demo_models.train_detector import DetectorSettings, Trainer, picture_batch, smoke


@pytest.fixture(scope="module")
def settings():
    path = train_detector.__file__.replace("train_detector.py", "detector.yaml")
    return smoke(DetectorSettings.load(train_detector.Path(path)))


@pytest.fixture(scope="module")
def samples():
    return [sample_of(labelled(render_scene(seed, 120, 90)), (85, 64)) for seed in range(4)]


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
    scene = render_scene(3, 120, 90)
    sample = sample_of(labelled(scene), (85, 64))
    assert sample.image.shape == (64, 85, 3)
    assert [KINDS[kind] for kind in sample.kinds] == [(thing.noun, thing.colour) for thing in scene.objects]
    left = (sample.boxes[:, 0] - sample.boxes[:, 2] / 2) * 120
    assert left.tolist() == pytest.approx([float(thing.box[0]) for thing in scene.objects], abs=1e-3)


def test_sample_leaves_out_what_is_mostly_out_of_sight():
    labels = np.array([[1, 1, 2, 2]] * 4, np.uint8)
    picture = Labelled(np.zeros((4, 4, 3), np.uint8), labels, np.array([7, 8]), np.array([0.2, 0.9], np.float32))
    sample = sample_of(picture, (4, 4))
    assert sample.kinds.tolist() == [8]
    assert sample.boxes.tolist() == [[0.75, 0.5, 0.5, 1.0]]


def test_closer_look_keeps_the_shape_and_enlarges_nothing_small():
    large, rng = labelled(render_scene(4, 480, 360)), np.random.default_rng(0)
    seen = [closer(large, rng).labels.shape for _ in range(30)]
    assert (360, 480) in seen
    assert all(width / height == pytest.approx(4 / 3, abs=0.01) for height, width in seen)
    assert min(height for height, _ in seen) >= 0.8 * 240
    assert {draw_sample(large, 192, 256, rng).image.shape for _ in range(30)} == {(192, 256, 3)}


def test_early_proposals_equal_the_model_s_own_while_nothing_attends(settings, samples):
    model = build_model(settings.model).eval()
    for layer in model.model.encoder.layers:
        layer.fusion_layer.vision_param.data.zero_()
        layer.fusion_layer.text_param.data.zero_()
    pixels, _, _ = picture_batch(samples[:1], np.random.default_rng(0))
    ids = torch.tensor([[101, TOKENS["red"], TOKENS["apple"], 1012, 102]])
    with torch.inference_mode():
        found = early_proposals(model, pixels, ids, torch.ones_like(ids, dtype=torch.bool))
        whole = model.model(pixel_values=pixels, input_ids=ids)
    assert torch.allclose(found.logits, whole.enc_outputs_class[..., :5], atol=1e-4)
    assert torch.allclose(found.boxes, whole.enc_outputs_coord_logits.sigmoid(), atol=1e-4)


def test_taking_over_a_bundle_keeps_its_answers_and_its_words(finished, settings):
    finished.write_bundle(1)
    model = build_model(settings.model)
    assert take_over(model, finished.out / "detector") == []
    average = finished.average
    for name, value in model.state_dict().items():
        assert torch.allclose(value, average[name].half().float(), atol=1e-3), name


@pytest.mark.parametrize(
    ("size", "expected"), [((320, 240), (256, 192)), ((240, 240), (192, 192)), ((640, 200), (256, 80))]
)
def test_model_size_keeps_the_shape_and_both_limits(size, expected):
    assert model_size(*size, 192, 256) == expected


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
