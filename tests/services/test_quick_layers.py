"""Our layers of Grounding DINO against transformers' own, on the same weights."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForZeroShotObjectDetection
from transformers.models.grounding_dino.modeling_grounding_dino import MultiScaleDeformableAttention

from agent_tools.services.deformable_attention import DeformableAttention, choose_sampler
from agent_tools.services.quick_layers import DeformableLayer, FusionLayer, quicken

CPU = torch.device("cpu")
SHAPES = ((7, 9), (4, 5), (2, 3), (1, 1))


def points(batch: int, queries: int, reach: float) -> tuple[Tensor, Tensor, Tensor]:
    """Maps of two heads, where queries look as shares of each map (some outside by `reach`), and weights."""
    torch.manual_seed(0)
    value = torch.randn(batch, sum(height * width for height, width in SHAPES), 2, 16)
    places = torch.rand(batch, queries, 2, len(SHAPES), 3, 2) * (1 + 2 * reach) - reach
    weights = torch.randn(batch, queries, 2, len(SHAPES) * 3).softmax(-1).unflatten(-1, (len(SHAPES), 3))
    return value, places, weights


def theirs(value: Tensor, places: Tensor, weights: Tensor) -> Tensor:
    shapes = torch.tensor(SHAPES)
    begins = torch.cat([shapes.new_zeros(1), shapes.prod(1).cumsum(0)[:-1]])
    answer: Tensor = MultiScaleDeformableAttention()(value, shapes, SHAPES, begins, places, weights, 64)
    return answer


def pixels(places: Tensor) -> tuple[Tensor, Tensor]:
    """Shares of each map as pixels of it, x and y."""
    sides = torch.tensor(SHAPES, dtype=torch.float32)[:, None]
    return places[..., 0] * sides[..., 1] - 0.5, places[..., 1] * sides[..., 0] - 0.5


@pytest.mark.parametrize(("batch", "queries", "reach"), [(1, 40, 0.0), (3, 11, 0.4), (2, 5, 40.0)])
def test_sampler_sums_what_grid_sample_does(batch: int, queries: int, reach: float) -> None:
    value, places, weights = points(batch, queries, reach)
    answer = choose_sampler(value, SHAPES)(*pixels(places), weights)
    assert answer.shape == (batch, queries, 32)
    torch.testing.assert_close(answer, theirs(value, places, weights), atol=2e-6, rtol=1e-5)


def test_sampler_on_the_very_edges_sums_what_grid_sample_does() -> None:
    value, _, weights = points(1, 25, 0.0)
    # Centres of the outer pixels, the borders, and one pixel outside, of every map and in both directions.
    sides = torch.tensor(SHAPES, dtype=torch.float32).flip(-1)
    marks = torch.stack([0 * sides - 0.5, 0 * sides, 0 * sides + 0.5, sides - 0.5, sides + 0.5]) / sides
    x, y = torch.meshgrid(torch.arange(5), torch.arange(5), indexing="ij")
    level = torch.arange(len(SHAPES))
    place = torch.stack([marks[x.flatten()][:, level, 0], marks[y.flatten()][:, level, 1]], -1)
    places = place[None, :, None, :, None].expand(1, 25, 2, len(SHAPES), 3, 2).contiguous()
    answer = choose_sampler(value, SHAPES)(*pixels(places), weights)
    torch.testing.assert_close(answer, theirs(value, places, weights), atol=1e-5, rtol=1e-5)


def opened(folder: Path) -> Any:
    """The model with weights that say something: as saved, many of its layers are nearly silent."""
    torch.manual_seed(1)
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("vision_param", "text_param")):
                weight.fill_(0.5)
            elif "sampling_offsets" in name or "attention_weights" in name or "_embed" in name or "bias" in name:
                weight.add_(0.05 * torch.randn_like(weight))
    return model


def inputs(model: Any, batch: int, padded: bool) -> dict[str, Tensor]:
    torch.manual_seed(2)
    ids = torch.tensor([[101, 1034, 1012, 1035, 1036, 1012, 102]]).repeat(batch, 1)
    ids %= model.config.text_config.vocab_size
    seen = torch.ones(batch, 64, 96, dtype=torch.long)
    read = torch.ones_like(ids)
    if padded:
        seen[0, 48:], seen[-1, :, 60:] = 0, 0
        read[-1, 4:] = 0
    return {
        "pixel_values": torch.randn(batch, 3, 64, 96),
        "pixel_mask": seen,
        "input_ids": ids,
        "attention_mask": read,
    }


@pytest.mark.parametrize("name", ["grounding-dino", "mm-grounding-dino", "demo-detector"])
@pytest.mark.parametrize(("batch", "padded"), [(1, False), (3, True)])
def test_quicken_leaves_every_number_as_it_was(
    model_folders: dict[str, Path], name: str, batch: int, padded: bool
) -> None:
    before = opened(model_folders[name])
    after = copy.deepcopy(before)
    layers = after.config.encoder_layers
    assert quicken(after, CPU) == 3 * layers + after.config.decoder_layers
    asked = inputs(before, batch, padded)
    with torch.inference_mode():
        expected, answer = before(**asked), after(**asked)
    assert expected.encoder_last_hidden_state_vision.std() > 0.1
    for key in ("encoder_last_hidden_state_vision", "encoder_last_hidden_state_text", "logits", "pred_boxes"):
        torch.testing.assert_close(answer[key], expected[key], atol=2e-4, rtol=1e-4)


def test_quicken_replaces_inner_layers_too_and_shares_the_weights(model_folders: dict[str, Path]) -> None:
    model = opened(model_folders["mm-grounding-dino"])
    fc1 = model.model.encoder.layers[0].deformable_layer.fc1
    quicken(model, CPU)
    layer = model.model.encoder.layers[0]
    assert isinstance(layer.fusion_layer, FusionLayer)
    assert isinstance(layer.deformable_layer, DeformableLayer)
    assert isinstance(layer.deformable_layer.self_attn, DeformableAttention)
    assert isinstance(model.model.decoder.layers[1].encoder_attn, DeformableAttention)
    assert layer.deformable_layer.fc1 is fc1


def test_quicken_leaves_other_models_and_devices_alone(model_folders: dict[str, Path]) -> None:
    model = opened(model_folders["grounding-dino"])
    assert quicken(model, torch.device("mps")) == 0
    assert quicken(torch.nn.Sequential(torch.nn.Linear(2, 2)), CPU) == 0


def test_fusion_layer_hears_no_padding(model_folders: dict[str, Path]) -> None:
    """What lies in padding changes nothing elsewhere, in either direction."""
    layer = FusionLayer(opened(model_folders["grounding-dino"]).model.encoder.layers[0].fusion_layer)
    torch.manual_seed(3)
    picture, words = torch.randn(2, 10, 32), torch.randn(2, 5, 32)
    no_picture, no_words = torch.arange(10).expand(2, 10) >= 7, torch.arange(5).expand(2, 5) >= 3
    with torch.inference_mode():
        (first, _), (first_words, _) = layer(picture, words, no_picture, no_words)
        picture[:, 7:], words[:, 3:] = 9.0, -9.0
        (second, _), (second_words, _) = layer(picture, words, no_picture, no_words)
    torch.testing.assert_close(first[:, :7], second[:, :7])
    torch.testing.assert_close(first_words[:, :3], second_words[:, :3])
    assert not torch.equal(first[:, 7:], second[:, 7:])
