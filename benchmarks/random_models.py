"""Full-size architectures with random weights, so that a speed can be measured where no weights are to be had.

Layers that are silent as initialised (zero weights, scales of 1e-4) are given weights that say something, or a wrong
answer of theirs would go unseen. This module does not know what is measured.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection, SamConfig, SamModel, SamVisionConfig

PROMPT = [101, 4810, 10814, 1012, 8060, 1012, 3899, 5128, 1012, 102]
"""Three phrases of one and two tokens, as `agent_tools.services.phrases` packs them."""


def grounding_dino(tiny: bool = False) -> Any:
    """Grounding DINO-T (Swin-T, BERT base, six layers each, 900 queries), or one of its shape that is quick to test."""
    torch.manual_seed(0)
    model = GroundingDinoForObjectDetection(_small_config() if tiny else GroundingDinoConfig()).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith(("vision_param", "text_param")):
                weight.fill_(0.1)
            elif "sampling_offsets.weight" in name or "attention_weights.weight" in name:
                weight.normal_(std=0.02)
            elif "bbox_embed" in name and name.endswith("weight"):
                # A decoder layer corrects the boxes of the one before: a little, as learnt, or rounding grows.
                gain = 0.1 if ".layers.2." in name else 1.0
                weight.normal_(std=gain * (2 / weight.shape[1]) ** 0.5)
    return model


def _small_config() -> GroundingDinoConfig:
    text = {"vocab_size": 11000, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    eyes = {"model_type": "swin", "embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 2]}
    return GroundingDinoConfig(
        text_config={**text, "model_type": "bert", "intermediate_size": 32},
        backbone_config={**eyes, "out_indices": [2, 3, 4], "window_size": 7},
        d_model=32,
        num_queries=20,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
    )


def detector_inputs(height: int, width: int, device: str = "cpu") -> dict[str, Tensor]:
    """A picture of that many pixels, and `PROMPT`."""
    torch.manual_seed(1)
    ids = torch.tensor([PROMPT], device=device)
    return {
        "pixel_values": torch.randn(1, 3, height, width).to(device),
        "pixel_mask": torch.ones(1, height, width, dtype=torch.long, device=device),
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
    }


def sam(size: str) -> Any:
    """Segment Anything: "base" or "huge" as published, or "tiny"."""
    torch.manual_seed(0)
    shapes: dict[str, dict[str, Any]] = {
        "tiny": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_dim": 64},
        "base": {},
        "huge": {"hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16, "mlp_dim": 5120},
    }
    globals_at = {"tiny": [1], "base": [2, 5, 8, 11], "huge": [7, 15, 23, 31]}
    side = {"image_size": 128} if size == "tiny" else {}
    vision = SamVisionConfig(**shapes[size], **side, global_attn_indexes=globals_at[size], initializer_range=0.02)
    model = SamModel(SamConfig(vision_config=vision, prompt_encoder_config=side)).eval()
    with torch.no_grad():
        # As published; the configuration's own default is 128 times as wild.
        model.shared_image_embedding.positional_embedding.normal_()
        for name, weight in model.mask_decoder.named_parameters():
            if weight.ndim > 1 and "embed" not in name and "token" not in name:
                weight.normal_(std=(weight.shape[0] / weight.numel()) ** 0.5)
    return model
