"""How the authors' own code names and shapes the weights of Segment Anything and Grounding DINO, at any size.

Written after the packages segment-anything 1.0 and groundingdino-py 0.4.0; `digest` says that at the true sizes this is
to the letter what they make (`benchmarks/parity/originals.py` prints theirs).
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

Shapes = dict[str, tuple[int, ...]]
SHARED = re.compile(r"(transformer\.decoder\.)?(?<!out_)bbox_embed\.\d+\.")
"""Names of Grounding DINO's one box head."""
WORDS = "red green blue yellow apple orange lemon box book person in a shirt s ##s".split()  # noqa: SIM905


def digest(shapes: Mapping[str, Sequence[int]]) -> str:
    """SHA-256 over the sorted lines ``name [sizes]``."""
    lines = [f"{name} {list(sizes)}\n" for name, sizes in sorted(shapes.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def weights(shapes: Mapping[str, Sequence[int]], seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights without a pattern, float32, the same everywhere; no two alike but those that the authors' code shares."""
    made = {}
    for name, sizes in shapes.items():
        plain = SHARED.sub("bbox_embed.0.", name).removeprefix("module.")
        phase = int.from_bytes(hashlib.sha256(f"{seed} {plain}".encode()).digest()[:2], "big")
        steps = torch.arange(math.prod(sizes), dtype=torch.float64)
        noise = torch.sin(phase + 12.9898 * steps + 0.01 * steps**2).float().reshape(tuple(sizes))
        # About as large as trained ones: an answer of zeros and ones would hide what is wrong.
        made[name] = 1.5 / math.sqrt(math.prod(sizes[1:])) * noise if len(sizes) > 1 else 0.3 * noise
        if len(sizes) == 1 and name.endswith("weight"):
            made[name] += 1
        if name.endswith("relative_position_index"):
            made[name] = torch.zeros(tuple(sizes), dtype=torch.int64)
    return made


def small_vocabulary() -> list[str]:
    """`WORDS`, after the special tokens where BERT has them: the library looks these up by number."""
    vocabulary = [f"[unused{index}]" for index in range(1030)]
    for index, token in {
        0: "[PAD]",
        100: "[UNK]",
        101: "[CLS]",
        102: "[SEP]",
        103: "[MASK]",
        1012: ".",
        1029: "?",
    }.items():
        vocabulary[index] = token
    return vocabulary + WORDS


def waves(*sizes: int) -> torch.Tensor:
    """A picture as a model takes it, float32."""
    return torch.sin(0.37 * torch.arange(math.prod(sizes), dtype=torch.float64) ** 1.1).float().reshape(sizes)


def linear(name: str, inputs: int, outputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def norm(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def conv(name: str, inputs: int, outputs: int, side: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (outputs, inputs, side, side)
    yield f"{name}.bias", (outputs,)


def perceptron(name: str, widths: Sequence[int]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        yield from linear(f"{name}.layers.{layer}", inputs, outputs)


@dataclass(frozen=True)
class SamSizes:
    width: int
    depth: int
    heads: int
    seeing_all: Sequence[int]
    cells: int = 64
    patch: int = 16
    window: int = 14
    embedded: int = 256
    hidden: int = 2048


SAM_B = SamSizes(768, 12, 12, (2, 5, 8, 11))
SAM_L = SamSizes(1024, 24, 16, (5, 11, 17, 23))
SAM_H = SamSizes(1280, 32, 16, (7, 15, 23, 31))
SAM_TINY = SamSizes(32, 3, 2, (1,), cells=8, patch=8, window=4, embedded=32, hidden=48)


def sam_shapes(size: SamSizes) -> Shapes:
    return dict([*_sam_encoder(size), *_sam_prompts(size), *_sam_decoder(size)])


def _sam_encoder(size: SamSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "image_encoder.pos_embed", (1, size.cells, size.cells, size.width)
    yield from conv("image_encoder.patch_embed.proj", 3, size.width, size.patch)
    for number in range(size.depth):
        block = f"image_encoder.blocks.{number}"
        span = size.cells if number in size.seeing_all else size.window
        yield from norm(f"{block}.norm1", size.width)
        yield f"{block}.attn.rel_pos_h", (2 * span - 1, size.width // size.heads)
        yield f"{block}.attn.rel_pos_w", (2 * span - 1, size.width // size.heads)
        yield from linear(f"{block}.attn.qkv", size.width, 3 * size.width)
        yield from linear(f"{block}.attn.proj", size.width, size.width)
        yield from norm(f"{block}.norm2", size.width)
        yield from linear(f"{block}.mlp.lin1", size.width, 4 * size.width)
        yield from linear(f"{block}.mlp.lin2", 4 * size.width, size.width)
    yield "image_encoder.neck.0.weight", (size.embedded, size.width, 1, 1)
    yield from norm("image_encoder.neck.1", size.embedded)
    yield "image_encoder.neck.2.weight", (size.embedded, size.embedded, 3, 3)
    yield from norm("image_encoder.neck.3", size.embedded)


def _sam_prompts(size: SamSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix", (2, size.embedded // 2)
    for number in range(4):
        yield f"prompt_encoder.point_embeddings.{number}.weight", (1, size.embedded)
    yield "prompt_encoder.not_a_point_embed.weight", (1, size.embedded)
    yield "prompt_encoder.no_mask_embed.weight", (1, size.embedded)
    yield from conv("prompt_encoder.mask_downscaling.0", 1, 4, 2)
    yield from norm("prompt_encoder.mask_downscaling.1", 4)
    yield from conv("prompt_encoder.mask_downscaling.3", 4, 16, 2)
    yield from norm("prompt_encoder.mask_downscaling.4", 16)
    yield from conv("prompt_encoder.mask_downscaling.6", 16, size.embedded, 1)


def _sam_decoder(size: SamSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    width = size.embedded

    def attention(name: str, inner: int) -> Iterator[tuple[str, tuple[int, ...]]]:
        for part in ("q", "k", "v"):
            yield from linear(f"{name}.{part}_proj", width, inner)
        yield from linear(f"{name}.out_proj", inner, width)

    for number in range(2):
        layer = f"mask_decoder.transformer.layers.{number}"
        yield from attention(f"{layer}.self_attn", width)
        yield from attention(f"{layer}.cross_attn_token_to_image", width // 2)
        yield from attention(f"{layer}.cross_attn_image_to_token", width // 2)
        for which in range(1, 5):
            yield from norm(f"{layer}.norm{which}", width)
        yield from linear(f"{layer}.mlp.lin1", width, size.hidden)
        yield from linear(f"{layer}.mlp.lin2", size.hidden, width)
    yield from attention("mask_decoder.transformer.final_attn_token_to_image", width // 2)
    yield from norm("mask_decoder.transformer.norm_final_attn", width)
    yield "mask_decoder.iou_token.weight", (1, width)
    yield "mask_decoder.mask_tokens.weight", (4, width)
    # Transposed convolutions: inputs first.
    yield "mask_decoder.output_upscaling.0.weight", (width, width // 4, 2, 2)
    yield "mask_decoder.output_upscaling.0.bias", (width // 4,)
    yield from norm("mask_decoder.output_upscaling.1", width // 4)
    yield "mask_decoder.output_upscaling.3.weight", (width // 4, width // 8, 2, 2)
    yield "mask_decoder.output_upscaling.3.bias", (width // 8,)
    for token in range(4):
        yield from perceptron(f"mask_decoder.output_hypernetworks_mlps.{token}", (width, width, width, width // 8))
    yield from perceptron("mask_decoder.iou_prediction_head", (width, 256, 256, 4))


@dataclass(frozen=True)
class DinoSizes:
    swin: int
    depths: Sequence[int]
    heads: Sequence[int]
    window: int
    layers: int = 6
    width: int = 256
    hidden: int = 2048
    queries: int = 900
    attention_heads: int = 8
    words: int = 30522
    text: int = 768
    text_layers: int = 12
    positions: int = 512


SWIN_T = DinoSizes(96, (2, 2, 6, 2), (3, 6, 12, 24), 7)
SWIN_B = DinoSizes(128, (2, 2, 18, 2), (4, 8, 16, 32), 12)
DINO_TINY = DinoSizes(
    *(8, (1, 2, 1, 1), (1, 2, 2, 2), 3),
    layers=2,
    hidden=48,
    queries=12,
    words=1045,
    text=64,
    text_layers=2,
    positions=64,
)
"""As wide as the true ones, which the authors' code takes for granted."""


def grounding_dino_shapes(size: DinoSizes) -> Shapes:
    shapes = dict([*_dino_swin(size), *_dino_bert(size), *_dino_encoder(size), *_dino_decoder(size)])
    return {f"module.{name}": sizes for name, sizes in shapes.items()}


def _dino_swin(size: DinoSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from conv("backbone.0.patch_embed.proj", 3, size.swin, 4)
    yield from norm("backbone.0.patch_embed.norm", size.swin)
    for stage, (depth, heads) in enumerate(zip(size.depths, size.heads, strict=True)):
        width = size.swin * 2**stage
        for number in range(depth):
            block = f"backbone.0.layers.{stage}.blocks.{number}"
            yield from norm(f"{block}.norm1", width)
            yield f"{block}.attn.relative_position_bias_table", ((2 * size.window - 1) ** 2, heads)
            yield f"{block}.attn.relative_position_index", (size.window**2, size.window**2)
            yield from linear(f"{block}.attn.qkv", width, 3 * width)
            yield from linear(f"{block}.attn.proj", width, width)
            yield from norm(f"{block}.norm2", width)
            yield from linear(f"{block}.mlp.fc1", width, 4 * width)
            yield from linear(f"{block}.mlp.fc2", 4 * width, width)
        if stage < len(size.depths) - 1:
            yield f"backbone.0.layers.{stage}.downsample.reduction.weight", (2 * width, 4 * width)
            yield from norm(f"backbone.0.layers.{stage}.downsample.norm", 4 * width)
        if stage:
            yield from norm(f"backbone.0.norm{stage}", width)
            yield from conv(f"input_proj.{stage - 1}.0", width, size.width, 1)
            yield from norm(f"input_proj.{stage - 1}.1", size.width)
    yield from conv("input_proj.3.0", size.swin * 8, size.width, 3)
    yield from norm("input_proj.3.1", size.width)


def _dino_bert(size: DinoSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    for table, rows in (("word", size.words), ("position", size.positions), ("token_type", 2)):
        yield f"bert.embeddings.{table}_embeddings.weight", (rows, size.text)
    yield from norm("bert.embeddings.LayerNorm", size.text)
    for number in range(size.text_layers):
        layer = f"bert.encoder.layer.{number}"
        for part in ("query", "key", "value"):
            yield from linear(f"{layer}.attention.self.{part}", size.text, size.text)
        yield from linear(f"{layer}.attention.output.dense", size.text, size.text)
        yield from norm(f"{layer}.attention.output.LayerNorm", size.text)
        yield from linear(f"{layer}.intermediate.dense", size.text, 4 * size.text)
        yield from linear(f"{layer}.output.dense", 4 * size.text, size.text)
        yield from norm(f"{layer}.output.LayerNorm", size.text)
    yield from linear("bert.pooler.dense", size.text, size.text)
    yield from linear("feat_map", size.text, size.width)


def _deformable(name: str, size: DinoSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    samples = size.attention_heads * 4 * 4
    yield from linear(f"{name}.sampling_offsets", size.width, 2 * samples)
    yield from linear(f"{name}.attention_weights", size.width, samples)
    yield from linear(f"{name}.value_proj", size.width, size.width)
    yield from linear(f"{name}.output_proj", size.width, size.width)


def _attention(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.in_proj_weight", (3 * width, width)
    yield f"{name}.in_proj_bias", (3 * width,)
    yield from linear(f"{name}.out_proj", width, width)


def _dino_encoder(size: DinoSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    width = size.width
    yield "transformer.level_embed", (4, width)
    for number in range(size.layers):
        layer = f"transformer.encoder.layers.{number}"
        yield from _deformable(f"{layer}.self_attn", size)
        yield from linear(f"{layer}.linear1", width, size.hidden)
        yield from linear(f"{layer}.linear2", size.hidden, width)
        text = f"transformer.encoder.text_layers.{number}"
        yield from _attention(f"{text}.self_attn", width)
        yield from linear(f"{text}.linear1", width, size.hidden // 2)
        yield from linear(f"{text}.linear2", size.hidden // 2, width)
        for which in (1, 2):
            yield from norm(f"{layer}.norm{which}", width)
            yield from norm(f"{text}.norm{which}", width)
        fusion = f"transformer.encoder.fusion_layers.{number}"
        for side in "vl":
            yield f"{fusion}.gamma_{side}", (width,)
            yield from norm(f"{fusion}.layer_norm_{side}", width)
            yield from linear(f"{fusion}.attn.{side}_proj", width, size.hidden // 2)
            yield from linear(f"{fusion}.attn.values_{side}_proj", width, size.hidden // 2)
            yield from linear(f"{fusion}.attn.out_{side}_proj", size.hidden // 2, width)


def _dino_decoder(size: DinoSizes) -> Iterator[tuple[str, tuple[int, ...]]]:
    width = size.width
    yield "transformer.tgt_embed.weight", (size.queries, width)
    yield from linear("transformer.enc_output", width, width)
    yield from norm("transformer.enc_output_norm", width)
    yield from perceptron("transformer.enc_out_bbox_embed", (width, width, width, 4))
    for number in range(size.layers):
        layer = f"transformer.decoder.layers.{number}"
        yield from _deformable(f"{layer}.cross_attn", size)
        yield from _attention(f"{layer}.ca_text", width)
        yield from _attention(f"{layer}.self_attn", width)
        for name in ("norm1", "norm2", "norm3", "catext_norm"):
            yield from norm(f"{layer}.{name}", width)
        yield from linear(f"{layer}.linear1", width, size.hidden)
        yield from linear(f"{layer}.linear2", size.hidden, width)
        yield from perceptron(f"transformer.decoder.bbox_embed.{number}", (width, width, width, 4))
        yield from perceptron(f"bbox_embed.{number}", (width, width, width, 4))
    yield from norm("transformer.decoder.norm", width)
    yield from perceptron("transformer.decoder.ref_point_head", (2 * width, width, width))
