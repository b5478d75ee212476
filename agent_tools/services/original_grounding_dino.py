"""Grounding DINO's own checkpoints, ``groundingdino_swint_ogc.pth`` and ``groundingdino_swinb_cogcoor.pth``.

They become transformers' GroundingDinoForObjectDetection; its sizes are told by the shapes of the weights. Names of
weights after IDEA-Research/GroundingDINO (``groundingdino/models/GroundingDINO``) and transformers'
``convert_grounding_dino_to_hf.py``, both Apache-2.0. The file holds no vocabulary: the one of bert-base-uncased is
looked for beside it, then in the hub's cache, then at the hub. This module does not know how a file of weights is read.
"""

from __future__ import annotations

from math import isqrt
from pathlib import Path
from typing import Any

from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    GroundingDinoProcessor,
    SwinConfig,
)

from agent_tools.errors import ConfigError, shorten
from agent_tools.services.checkpoints import fetch_files, silence, snapshot
from agent_tools.services.originals import Layout, Tensors, build_original, count, read_original, shape

BERT = "google-bert/bert-base-uncased"
_SAME_WORDS = (BERT, "bert-base-uncased", "IDEA-Research/grounding-dino-tiny", "IDEA-Research/grounding-dino-base")
"""Repositories with the vocabulary, in the order in which the cache is searched for them."""
_WORD_FILES = ("tokenizer.json", "vocab.txt")
_SPECIAL_TOKENS = {"[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}
"""The model finds the ends of phrases by these numbers."""
_HEAD_WIDTH = 64
"""Of BERT's attention; no shape tells it."""

_SWIN = "model.backbone.conv_encoder.model"
_BLOCK, _OUR_BLOCK = "backbone.0.layers.*.blocks.*", f"{_SWIN}.encoder.layers.*.blocks.*"
_ENCODER, _OUR_ENCODER = "transformer.encoder", "model.encoder.layers.*"
_DECODER, _OUR_DECODER = "transformer.decoder.layers.*", "model.decoder.layers.*"
_QUERY_KEY_VALUE = ("query", "key", "value")


def _split(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{part}.*" for part in _QUERY_KEY_VALUE)


LAYOUT = Layout(
    title="Grounding DINO (Swin-T or Swin-B)",
    signs=("transformer.tgt_embed.weight", "backbone.0.patch_embed.proj.weight", "feat_map.weight"),
    names={
        "backbone.0.patch_embed.proj.*": f"{_SWIN}.embeddings.patch_embeddings.projection.*",
        "backbone.0.patch_embed.norm.*": f"{_SWIN}.embeddings.norm.*",
        f"{_BLOCK}.norm1.*": f"{_OUR_BLOCK}.layernorm_before.*",
        f"{_BLOCK}.norm2.*": f"{_OUR_BLOCK}.layernorm_after.*",
        f"{_BLOCK}.attn.qkv.*": _split(f"{_OUR_BLOCK}.attention.self"),
        f"{_BLOCK}.attn.proj.*": f"{_OUR_BLOCK}.attention.output.dense.*",
        f"{_BLOCK}.attn.relative_position_bias_table": f"{_OUR_BLOCK}.attention.self.relative_position_bias_table",
        f"{_BLOCK}.mlp.fc1.*": f"{_OUR_BLOCK}.intermediate.dense.*",
        f"{_BLOCK}.mlp.fc2.*": f"{_OUR_BLOCK}.output.dense.*",
        "backbone.0.layers.*.downsample.**": f"{_SWIN}.encoder.layers.*.downsample.**",
        # The authors count the stages from 0, transformers from 1.
        **{f"backbone.0.norm{stage}.*": f"{_SWIN}.hidden_states_norms.stage{stage + 1}.*" for stage in range(4)},
        "input_proj.**": "model.input_proj_vision.**",
        "bert.**": "model.text_backbone.**",
        "feat_map.*": "model.text_projection.*",
        "transformer.level_embed": "model.level_embed",
        "transformer.tgt_embed.weight": "model.query_position_embeddings.weight",
        "transformer.enc_output.*": "model.enc_output.*",
        "transformer.enc_output_norm.*": "model.enc_output_norm.*",
        "transformer.enc_out_bbox_embed.**": "model.encoder_output_bbox_embed.**",
        f"{_ENCODER}.layers.*.self_attn.**": f"{_OUR_ENCODER}.deformable_layer.self_attn.**",
        f"{_ENCODER}.layers.*.norm1.*": f"{_OUR_ENCODER}.deformable_layer.self_attn_layer_norm.*",
        f"{_ENCODER}.layers.*.linear1.*": f"{_OUR_ENCODER}.deformable_layer.fc1.*",
        f"{_ENCODER}.layers.*.linear2.*": f"{_OUR_ENCODER}.deformable_layer.fc2.*",
        f"{_ENCODER}.layers.*.norm2.*": f"{_OUR_ENCODER}.deformable_layer.final_layer_norm.*",
        f"{_ENCODER}.text_layers.*.self_attn.in_proj_*": _split(f"{_OUR_ENCODER}.text_enhancer_layer.self_attn"),
        f"{_ENCODER}.text_layers.*.self_attn.out_proj.*": f"{_OUR_ENCODER}.text_enhancer_layer.self_attn.out_proj.*",
        f"{_ENCODER}.text_layers.*.linear1.*": f"{_OUR_ENCODER}.text_enhancer_layer.fc1.*",
        f"{_ENCODER}.text_layers.*.linear2.*": f"{_OUR_ENCODER}.text_enhancer_layer.fc2.*",
        f"{_ENCODER}.text_layers.*.norm1.*": f"{_OUR_ENCODER}.text_enhancer_layer.layer_norm_before.*",
        f"{_ENCODER}.text_layers.*.norm2.*": f"{_OUR_ENCODER}.text_enhancer_layer.layer_norm_after.*",
        f"{_ENCODER}.fusion_layers.*.gamma_v": f"{_OUR_ENCODER}.fusion_layer.vision_param",
        f"{_ENCODER}.fusion_layers.*.gamma_l": f"{_OUR_ENCODER}.fusion_layer.text_param",
        f"{_ENCODER}.fusion_layers.*.layer_norm_v.*": f"{_OUR_ENCODER}.fusion_layer.layer_norm_vision.*",
        f"{_ENCODER}.fusion_layers.*.layer_norm_l.*": f"{_OUR_ENCODER}.fusion_layer.layer_norm_text.*",
        f"{_ENCODER}.fusion_layers.*.attn.v_proj.*": f"{_OUR_ENCODER}.fusion_layer.attn.vision_proj.*",
        f"{_ENCODER}.fusion_layers.*.attn.l_proj.*": f"{_OUR_ENCODER}.fusion_layer.attn.text_proj.*",
        f"{_ENCODER}.fusion_layers.*.attn.values_v_proj.*": f"{_OUR_ENCODER}.fusion_layer.attn.values_vision_proj.*",
        f"{_ENCODER}.fusion_layers.*.attn.values_l_proj.*": f"{_OUR_ENCODER}.fusion_layer.attn.values_text_proj.*",
        f"{_ENCODER}.fusion_layers.*.attn.out_v_proj.*": f"{_OUR_ENCODER}.fusion_layer.attn.out_vision_proj.*",
        f"{_ENCODER}.fusion_layers.*.attn.out_l_proj.*": f"{_OUR_ENCODER}.fusion_layer.attn.out_text_proj.*",
        f"{_DECODER}.self_attn.in_proj_*": _split(f"{_OUR_DECODER}.self_attn"),
        f"{_DECODER}.self_attn.out_proj.*": f"{_OUR_DECODER}.self_attn.out_proj.*",
        f"{_DECODER}.norm2.*": f"{_OUR_DECODER}.self_attn_layer_norm.*",
        f"{_DECODER}.ca_text.in_proj_*": _split(f"{_OUR_DECODER}.encoder_attn_text"),
        f"{_DECODER}.ca_text.out_proj.*": f"{_OUR_DECODER}.encoder_attn_text.out_proj.*",
        f"{_DECODER}.catext_norm.*": f"{_OUR_DECODER}.encoder_attn_text_layer_norm.*",
        f"{_DECODER}.cross_attn.**": f"{_OUR_DECODER}.encoder_attn.**",
        f"{_DECODER}.norm1.*": f"{_OUR_DECODER}.encoder_attn_layer_norm.*",
        f"{_DECODER}.linear1.*": f"{_OUR_DECODER}.fc1.*",
        f"{_DECODER}.linear2.*": f"{_OUR_DECODER}.fc2.*",
        f"{_DECODER}.norm3.*": f"{_OUR_DECODER}.final_layer_norm.*",
        "transformer.decoder.norm.*": "model.decoder.layer_norm.*",
        "transformer.decoder.ref_point_head.**": "model.decoder.reference_points_head.**",
        # One head that every layer and both of these names share, in the authors' code as in transformers.
        "transformer.decoder.bbox_embed.**": "model.decoder.bbox_embed.**",
        "bbox_embed.**": "bbox_embed.**",
    },
    ignored=(
        "bert.embeddings.position_ids",  # counts from 0
        "bert.pooler.**",  # nothing reads what it says
        "label_enc.weight",  # of training with denoising
        f"{_BLOCK}.attn.relative_position_index",  # follows from the size of the window
    ),
    foreign={
        "language_model.**": (
            "Grounding DINO as mmdetection lays it out",
            "Give the hub id of its port, such as openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_grit_v3det.",
        ),
        "model.text_backbone.**": ("Grounding DINO as transformers saves it", "Give its folder."),
        "mask_decoder.**": ("Segment Anything", "Pass it as the segmenter."),
    },
)


def open_original_grounding_dino(path: Path, what: str) -> tuple[Any, Any]:
    """The model in one of the authors' files, float32, and its processor.

    Args:
        path: ``.pth``, ``.pt`` or ``.safetensors``.
        what: names the file in errors.

    Raises:
        ConfigError: see `read_original` and `build_original`; or a vocabulary that does not fit.
        ServiceError: there is no vocabulary, neither on this machine nor to be fetched.
    """
    tensors = read_original(path, what, LAYOUT)
    config = grounding_dino_config(tensors, what)
    tokenizer = _tokenizer(path.parent, config.text_config.vocab_size, what)
    model = build_original(GroundingDinoForObjectDetection, config, tensors, what, LAYOUT)
    return model, GroundingDinoProcessor(GroundingDinoImageProcessorPil(), tokenizer)


def grounding_dino_config(tensors: Tensors, what: str) -> GroundingDinoConfig:
    """The sizes of a model, told by the shapes of its weights.

    Raises:
        ConfigError: a weight that tells a size is missing.
    """

    def of(name: str, dimensions: int = 2) -> tuple[int, ...]:
        return shape(tensors, name, what, dimensions)

    levels, width = of("transformer.level_embed")
    layer = "transformer.encoder.layers.0"
    heads = of(f"{layer}.self_attn.attention_weights.bias", 1)[0] // (levels * GroundingDinoConfig.encoder_n_points)
    return GroundingDinoConfig(
        backbone_config=_swin_config(tensors, what),
        text_config=_bert_config(tensors, what),
        d_model=width,
        num_queries=of("transformer.tgt_embed.weight")[0],
        num_feature_levels=levels,
        encoder_layers=count(tensors, "transformer.encoder.layers"),
        decoder_layers=count(tensors, "transformer.decoder.layers"),
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=of(f"{layer}.linear1.weight")[0],
        decoder_ffn_dim=of("transformer.decoder.layers.0.linear1.weight")[0],
    )


def _swin_config(tensors: Tensors, what: str) -> SwinConfig:
    stages = range(count(tensors, "backbone.0.layers"))
    tables = [
        shape(tensors, f"backbone.0.layers.{stage}.blocks.0.attn.relative_position_bias_table", what, 2)
        for stage in stages
    ]
    width, _, patch, _ = shape(tensors, "backbone.0.patch_embed.proj.weight", what, 4)
    window = (isqrt(tables[0][0]) + 1) // 2
    return SwinConfig(
        embed_dim=width,
        patch_size=patch,
        depths=[count(tensors, f"backbone.0.layers.{stage}.blocks") for stage in stages],
        num_heads=[heads for _, heads in tables],
        window_size=window,
        # Pictures may have any size; this one must only hold a window at every stage.
        image_size=window * patch * 2 ** (len(stages) - 1),
        out_indices=[stage + 1 for stage in stages if f"backbone.0.norm{stage}.weight" in tensors],
    )


def _bert_config(tensors: Tensors, what: str) -> BertConfig:
    words, width = shape(tensors, "bert.embeddings.word_embeddings.weight", what, 2)
    return BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=count(tensors, "bert.encoder.layer"),
        num_attention_heads=width // _HEAD_WIDTH,
        intermediate_size=shape(tensors, "bert.encoder.layer.0.intermediate.dense.weight", what, 2)[0],
        max_position_embeddings=shape(tensors, "bert.embeddings.position_embeddings.weight", what, 2)[0],
    )


def _tokenizer(beside: Path, words: int, what: str) -> Any:
    """The vocabulary of BERT, checked against the model; see the module for where it is looked for."""
    folder = _word_folder(beside, what)
    try:
        with silence():
            tokenizer = BertTokenizer.from_pretrained(folder, local_files_only=True)
        numbers = dict(zip(_SPECIAL_TOKENS, tokenizer.convert_tokens_to_ids(list(_SPECIAL_TOKENS)), strict=True))
    except Exception as error:  # tokenizers raises a bare Exception
        raise ConfigError(
            f"tokenizer={shorten(folder)} cannot be read ({type(error).__name__}: {shorten(error, 120)}): expected "
            f"{' or '.join(_WORD_FILES)} of {BERT}. Fetch it again."
        ) from error
    if numbers != _SPECIAL_TOKENS or len(tokenizer) > words:
        raise ConfigError(
            f"tokenizer={shorten(folder)} does not fit {what} ({len(tokenizer)} words, {shorten(numbers)}): expected "
            f"{words} words, {_SPECIAL_TOKENS}. Put {' or '.join(_WORD_FILES)} of {BERT} there."
        )
    return tokenizer


def _word_folder(beside: Path, what: str) -> Path:
    """A folder with one of `_WORD_FILES`."""
    for folder in (beside, beside / "bert-base-uncased"):
        if any((folder / name).is_file() for name in _WORD_FILES):
            return folder
    for hub_id in _SAME_WORDS:
        try:
            folder = snapshot(hub_id)
        except FileNotFoundError:
            continue
        if any((folder / name).is_file() for name in _WORD_FILES):
            return folder
    step = f"Put {' or '.join(_WORD_FILES)} of {BERT} into {shorten(beside)}, or go online once."
    return fetch_files(BERT, ("tokenizer*.json", "vocab.txt"), f"{what}: its vocabulary {BERT}", step)
