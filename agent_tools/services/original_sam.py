"""Segment Anything's own checkpoints, ``sam_vit_b_01ec64.pth`` and its larger sisters, as transformers' SamModel.

The size of the model is told by the shapes of its weights, not by the name of the file. Names of weights after
facebookresearch/segment-anything (``segment_anything/modeling``) and transformers' ``convert_sam_to_hf.py``, both
Apache-2.0. This module does not know how a file is read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import (
    SamConfig,
    SamImageProcessorPil,
    SamMaskDecoderConfig,
    SamModel,
    SamProcessor,
    SamPromptEncoderConfig,
    SamVisionConfig,
)

from agent_tools.services.originals import Layout, Tensors, build_original, count, read_original, shape

_GIVE_ANOTHER = "Give another file, or wrap this model with path/to/file.py:factory."
_POSITION = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"

LAYOUT = Layout(
    title="Segment Anything (ViT-B, L or H)",
    signs=("image_encoder.pos_embed", "mask_decoder.iou_token.weight", _POSITION),
    names={
        "image_encoder.pos_embed": "vision_encoder.pos_embed",
        "image_encoder.patch_embed.proj.*": "vision_encoder.patch_embed.projection.*",
        "image_encoder.blocks.*.norm1.*": "vision_encoder.layers.*.layer_norm1.*",
        "image_encoder.blocks.*.norm2.*": "vision_encoder.layers.*.layer_norm2.*",
        "image_encoder.blocks.*.attn.**": "vision_encoder.layers.*.attn.**",
        "image_encoder.blocks.*.mlp.**": "vision_encoder.layers.*.mlp.**",
        "image_encoder.neck.0.*": "vision_encoder.neck.conv1.*",
        "image_encoder.neck.1.*": "vision_encoder.neck.layer_norm1.*",
        "image_encoder.neck.2.*": "vision_encoder.neck.conv2.*",
        "image_encoder.neck.3.*": "vision_encoder.neck.layer_norm2.*",
        # The prompt encoder's and the picture's positions are one matrix in both; transformers keeps it here.
        _POSITION: "shared_image_embedding.positional_embedding",
        "prompt_encoder.point_embeddings.*.weight": "prompt_encoder.point_embed.*.weight",
        "prompt_encoder.mask_downscaling.0.*": "prompt_encoder.mask_embed.conv1.*",
        "prompt_encoder.mask_downscaling.1.*": "prompt_encoder.mask_embed.layer_norm1.*",
        "prompt_encoder.mask_downscaling.3.*": "prompt_encoder.mask_embed.conv2.*",
        "prompt_encoder.mask_downscaling.4.*": "prompt_encoder.mask_embed.layer_norm2.*",
        "prompt_encoder.mask_downscaling.6.*": "prompt_encoder.mask_embed.conv3.*",
        "mask_decoder.transformer.layers.*.norm1.*": "mask_decoder.transformer.layers.*.layer_norm1.*",
        "mask_decoder.transformer.layers.*.norm2.*": "mask_decoder.transformer.layers.*.layer_norm2.*",
        "mask_decoder.transformer.layers.*.norm3.*": "mask_decoder.transformer.layers.*.layer_norm3.*",
        "mask_decoder.transformer.layers.*.norm4.*": "mask_decoder.transformer.layers.*.layer_norm4.*",
        "mask_decoder.transformer.norm_final_attn.*": "mask_decoder.transformer.layer_norm_final_attn.*",
        "mask_decoder.output_upscaling.0.*": "mask_decoder.upscale_conv1.*",
        "mask_decoder.output_upscaling.1.*": "mask_decoder.upscale_layer_norm.*",
        "mask_decoder.output_upscaling.3.*": "mask_decoder.upscale_conv2.*",
        "mask_decoder.output_hypernetworks_mlps.*.layers.0.*": "mask_decoder.output_hypernetworks_mlps.*.proj_in.*",
        "mask_decoder.output_hypernetworks_mlps.*.layers.1.*": "mask_decoder.output_hypernetworks_mlps.*.layers.0.*",
        "mask_decoder.output_hypernetworks_mlps.*.layers.2.*": "mask_decoder.output_hypernetworks_mlps.*.proj_out.*",
        "mask_decoder.iou_prediction_head.layers.0.*": "mask_decoder.iou_prediction_head.proj_in.*",
        "mask_decoder.iou_prediction_head.layers.1.*": "mask_decoder.iou_prediction_head.layers.0.*",
        "mask_decoder.iou_prediction_head.layers.2.*": "mask_decoder.iou_prediction_head.proj_out.*",
        # All others, such as the decoder's attention and tokens, have the same names in both.
    },
    ignored=("pixel_mean", "pixel_std"),
    foreign={
        "mask_decoder.hf_token.weight": ("SAM-HQ", _GIVE_ANOTHER),
        "image_encoder.patch_embed.seq.**": ("MobileSAM", _GIVE_ANOTHER),
        "image_encoder.trunk.**": ("SAM 2", _GIVE_ANOTHER),
        "vision_encoder.**": ("SAM as transformers saves it", "Give its folder."),
        "transformer.tgt_embed.weight": ("Grounding DINO", "Pass it as the detector."),
    },
)


def open_original_sam(path: Path, what: str) -> tuple[Any, Any]:
    """The model in one of the authors' files, float32, and its processor.

    Args:
        path: ``.pth``, ``.pt`` or ``.safetensors``.
        what: names the file in errors.

    Raises:
        ConfigError: see `read_original` and `build_original`.
    """
    tensors = read_original(path, what, LAYOUT)
    config = sam_config(tensors, what)
    model = build_original(SamModel, config, tensors, what, LAYOUT)
    side = config.vision_config.image_size
    cells = 4 * side // config.vision_config.patch_size
    pictures = SamImageProcessorPil(
        size={"longest_edge": side},
        pad_size={"height": side, "width": side},
        mask_size={"longest_edge": cells},
        mask_pad_size={"height": cells, "width": cells},
    )
    return model, SamProcessor(pictures)


def sam_config(tensors: Tensors, what: str) -> SamConfig:
    """The sizes of a model, told by the shapes of its weights; what they do not tell is the same for all of them.

    Raises:
        ConfigError: a weight that tells a size is missing.
    """

    def of(name: str, dimensions: int = 2) -> tuple[int, ...]:
        return shape(tensors, name, what, dimensions)

    _, cells, _, width = of("image_encoder.pos_embed", 4)
    patch = of("image_encoder.patch_embed.proj.weight", 4)[-1]
    depth = count(tensors, "image_encoder.blocks")
    spans = [(of(f"image_encoder.blocks.{block}.attn.rel_pos_h")[0] + 1) // 2 for block in range(depth)]
    embedded = of("mask_decoder.iou_token.weight")[1]
    tokens = of("mask_decoder.mask_tokens.weight")[0]
    first_layer = "mask_decoder.transformer.layers.0"
    return SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=width,
            output_channels=of("image_encoder.neck.0.weight", 4)[0],
            num_hidden_layers=depth,
            num_attention_heads=width // of("image_encoder.blocks.0.attn.rel_pos_h")[1],
            image_size=cells * patch,
            patch_size=patch,
            window_size=min(spans),
            global_attn_indexes=[block for block, span in enumerate(spans) if span == cells],
            num_pos_feats=of(_POSITION)[1],
            mlp_dim=of("image_encoder.blocks.0.mlp.lin1.weight")[0],
        ),
        prompt_encoder_config=SamPromptEncoderConfig(
            hidden_size=embedded,
            image_size=cells * patch,
            patch_size=patch,
            mask_input_channels=of("prompt_encoder.mask_downscaling.3.weight", 4)[0],
        ),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=embedded,
            mlp_dim=of(f"{first_layer}.mlp.lin1.weight")[0],
            num_hidden_layers=count(tensors, "mask_decoder.transformer.layers"),
            attention_downsample_rate=embedded // of(f"{first_layer}.cross_attn_token_to_image.q_proj.weight")[0],
            num_multimask_outputs=tokens - 1,
            iou_head_hidden_dim=of("mask_decoder.iou_prediction_head.layers.0.weight")[0],
            # PyTorch's default, with which the authors trained; transformers' own is smaller.
            layer_norm_eps=1e-5,
        ),
    )
