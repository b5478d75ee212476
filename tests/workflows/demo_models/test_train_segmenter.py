from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskGeneration, AutoProcessor

from workflows.demo_models.checkpoints import read_checkpoint
from workflows.demo_models.mask_prompts import correction_click, first_click, jittered_box, tight_box
from workflows.demo_models.scene_pool import labelled
from workflows.demo_models.scenes import render_scene
from workflows.demo_models.segmenter_batches import augmented, make_batch
from workflows.demo_models.segmenter_model import (
    build_model,
    build_processor,
    mask_iou,
    mask_loss,
    outline_loss,
)
from workflows.demo_models.train_segmenter import (
    SegmenterSettings,
    SegmenterTrainer,
    save_segmenter,
    smoke,
    train_segmenter,
)

SETTINGS = SegmenterSettings.load(Path(__file__).parents[3] / "workflows/demo_models/segmenter.yaml")
TINY = smoke(SETTINGS)

TRUTH = np.array(
    [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ],
    dtype=bool,
)
MISSES_A_COLUMN = TRUTH & (np.arange(5) < 3)
TAKES_THE_CORNER = TRUTH | ((np.arange(5) > 2) & (np.arange(5)[:, None] > 2))


def test_tight_box_of_hand_drawn_mask_ends_one_past_last_pixel():
    assert tight_box(TRUTH).tolist() == [1, 1, 4, 4]


def test_tight_box_of_empty_mask_says_what_was_expected():
    with pytest.raises(ValueError, match="at least one pixel"):
        tight_box(np.zeros((3, 3), dtype=bool))


def test_jittered_box_moves_each_side_within_limit_and_bounds():
    box, rng = np.array([0, 10, 20, 30], dtype=np.float32), np.random.default_rng(0)
    for _ in range(200):
        moved = jittered_box(box, rng, spread=0.5, limit=0.15, bounds=(31, 100))
        assert (np.abs(moved - box) <= 3).all()
        assert moved[0] >= 0
        assert moved[3] <= 31
    assert jittered_box(box, rng, spread=0.0).tolist() == box.tolist()


def test_first_click_without_draws_is_deepest_inside():
    assert first_click(TRUTH) == (2, 2, 1)


def test_first_click_drawn_always_lands_inside():
    rng = np.random.default_rng(0)
    clicks = {first_click(TRUTH, rng)[:2] for _ in range(200)}
    assert clicks == {(x, y) for x in (1, 2, 3) for y in (1, 2, 3)}


def test_correction_click_on_missed_column_includes_its_middle():
    assert correction_click(MISSES_A_COLUMN, TRUTH)[2] == 1
    assert correction_click(MISSES_A_COLUMN, TRUTH)[0] == 3


def test_correction_click_on_surplus_excludes_it():
    x, y, label = correction_click(TAKES_THE_CORNER, TRUTH)
    assert label == 0
    assert TAKES_THE_CORNER[y, x]
    assert not TRUTH[y, x]


def test_correction_click_drawn_covers_exactly_the_error_region():
    predicted = MISSES_A_COLUMN | (TAKES_THE_CORNER & ~TRUTH)
    rng = np.random.default_rng(0)
    clicks = {tuple(correction_click(predicted, TRUTH, rng)) for _ in range(500)}
    rows, columns = np.nonzero(predicted ^ TRUTH)
    assert clicks == {(x, y, int(TRUTH[y, x])) for x, y in zip(columns, rows, strict=True)}


def test_correction_click_where_nothing_is_wrong_lands_on_the_object():
    assert correction_click(TRUTH, TRUTH) == (2, 2, 1)


def test_batch_pixels_equal_what_the_saved_processor_makes():
    scene = render_scene(5, width=100, height=80)
    processor = build_processor(SETTINGS.model)
    batch = make_batch([labelled(scene)], processor.image_processor, np.random.default_rng(0), objects=20, least_area=1)
    expected = processor(images=scene.image, return_tensors="np")
    assert np.array_equal(batch.pixels, expected["pixel_values"])
    assert batch.extents[0].tolist() == expected["reshaped_input_sizes"][0].tolist() == [154, 192]


def test_batch_truths_lie_where_the_scene_has_them():
    scene = render_scene(5, width=96, height=72)
    image_processor = build_processor(TINY.model).image_processor
    batch = make_batch([labelled(scene)], image_processor, np.random.default_rng(0), objects=20, least_area=1)
    truths = np.array([tight_box(truth) for truth in batch.truths])
    expected = np.array([thing.box for thing in scene.objects]) * (64 / 96)
    distances = np.abs(truths[:, None] - expected[None]).max(axis=2)
    assert len(truths) == len(scene.objects)
    # Shrinking may lose a row of a thing's thinnest end.
    assert distances.min(axis=1).max() <= 2
    assert distances.min(axis=0).max() <= 2
    assert not batch.truths[:, 48:].any()


def test_augmented_labels_follow_the_picture():
    scene = labelled(render_scene(7, width=96, height=72))
    painted = scene._replace(image=np.repeat((scene.labels > 0)[..., None] * np.uint8(200), 3, axis=2))
    rng = np.random.default_rng(3)
    for _ in range(20):
        image, labels = augmented(painted, rng)[:2]
        bright = image.mean(axis=2) > 100
        assert (bright == (labels > 0)).mean() > 0.9


def test_mask_loss_of_a_perfect_mask_is_far_below_an_empty_one():
    targets = torch.from_numpy(TRUTH[None, None]).float()
    perfect, empty = (targets * 2 - 1) * 12, torch.full_like(targets, -12.0)
    losses = mask_loss(torch.cat([perfect, empty], dim=1), targets)
    assert losses[0, 0] < 0.01
    assert losses[0, 1] > 1


def test_mask_iou_of_hand_drawn_masks_is_exact():
    predicted = torch.from_numpy(np.stack([TRUTH, MISSES_A_COLUMN, np.zeros_like(TRUTH)]))[None]
    assert mask_iou(predicted, torch.from_numpy(TRUTH)[None]).tolist() == [[1.0, pytest.approx(6 / 9), 0.0]]


def test_outline_loss_prefers_the_true_outline():
    labels = torch.from_numpy(TRUTH.astype(np.uint8))[None]
    thing = (torch.from_numpy(TRUTH).float() * 2 - 1) * 9
    ring = torch.full((5, 5), 9.0)
    ring[2, 2] = -9.0
    right = torch.stack([thing, ring])[None]
    assert outline_loss(right, labels) < 0.01
    assert outline_loss(right.flip(1), labels) > 1


def test_training_one_scene_lowers_its_loss():
    torch.manual_seed(0)
    trainer, rng = SegmenterTrainer(TINY), np.random.default_rng(0)
    scene = labelled(render_scene(3, width=96, height=72))
    image_processor = build_processor(TINY.model).image_processor
    batch = make_batch([scene], image_processor, rng, objects=4, least_area=8)
    figures = [trainer.step(batch, 0.2, rng) for _ in range(60)]
    first, last = (np.mean([f.loss + f.outlines for f in part]) for part in (figures[:5], figures[-5:]))
    assert last < 0.7 * first


def test_smoke_training_resumed_goes_on_from_its_checkpoint(tmp_path: Path):
    train_segmenter(TINY, tmp_path, minutes=1, steps=2)
    before = read_checkpoint(tmp_path / "checkpoint.pt")
    folder = train_segmenter(TINY, tmp_path, minutes=1, steps=4, resume=True)
    after = read_checkpoint(tmp_path / "checkpoint.pt")
    assert (before["steps"], after["steps"]) == (2, 4)
    assert after["seconds"] > before["seconds"]
    assert (folder / "model.safetensors").exists()


def test_training_started_from_a_finished_model_has_its_weights(tmp_path: Path):
    torch.manual_seed(1)
    model = build_model(TINY.model)
    save_segmenter(model, TINY, tmp_path)
    torch.manual_seed(2)
    trainer = SegmenterTrainer(TINY)
    trainer.take_over(tmp_path)
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, model.state_dict()[name].half().float()), name


def test_saved_segmenter_loaded_again_is_bit_equal_in_float16(tmp_path: Path):
    torch.manual_seed(1)
    model = build_model(TINY.model)
    save_segmenter(model, TINY, tmp_path)
    loaded = AutoModelForMaskGeneration.from_pretrained(tmp_path, dtype=torch.float16, local_files_only=True)
    for (name, ours), (other, theirs) in zip(model.state_dict().items(), loaded.state_dict().items(), strict=True):
        assert name == other
        assert torch.equal(ours.half(), theirs), name
    processor = AutoProcessor.from_pretrained(tmp_path, local_files_only=True)
    picture = render_scene(2, width=100, height=70).image
    ours, theirs = (each(images=picture, return_tensors="np") for each in (build_processor(TINY.model), processor))
    assert np.array_equal(ours["pixel_values"], theirs["pixel_values"])


def test_untrained_patches_tell_an_edge_from_a_flat_patch_linearly():
    model = build_model(TINY.model)
    filters = model.vision_encoder.patch_embed.projection.weight.flatten(1)
    overlaps = filters @ filters.T
    assert torch.allclose(overlaps, torch.diag(overlaps.diagonal()), atol=1e-4)
    flat, edge = torch.ones(3, 8, 8), torch.ones(3, 8, 8)
    edge[:, :, 4:] = -1
    assert (filters @ flat.flatten()).abs().gt(1e-4).sum() == 1
    assert (filters @ edge.flatten()).abs().gt(0.5).sum() >= 2
