"""The demo detector: a small Grounding DINO, how it starts, and the head its backbone is first taught with.

Everything is transformers' own `GroundingDinoForObjectDetection`; only sizes and first values are ours.
Knows no loss, no data and no training loop.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from transformers import (
    BertConfig,
    ConvNextConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    GroundingDinoProcessor,
)
from transformers.models.grounding_dino.modeling_grounding_dino import (
    generate_masks_with_special_tokens_and_transfer_map,
)

from workflows.demo_models.detector_prompts import FIRST_WORD, TOKENS, VOCABULARY_SIZE, build_tokenizer
from workflows.demo_models.scenes import COLOURS, NOUNS

CLASSES = len(NOUNS) + len(COLOURS)
_MAX_TEXT = 64


class ModelSettings(BaseModel):
    """Sizes of the detector; see detector.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    size: int
    text_layers: int
    encoder_layers: int
    decoder_layers: int
    encoder_points: int
    heads: int
    feed_forward: int
    queries: int


def build_model(settings: ModelSettings) -> GroundingDinoForObjectDetection:
    """A fresh detector whose first scores are low and whose text and picture meet at a sane scale."""
    size = settings.size
    backbone = ConvNextConfig(
        num_stages=len(settings.widths),
        hidden_sizes=list(settings.widths),
        depths=list(settings.depths),
        out_features=["stage2", "stage3"],
        layer_scale_init_value=0.1,
    )
    text = BertConfig(
        vocab_size=VOCABULARY_SIZE,
        hidden_size=size,
        num_hidden_layers=settings.text_layers,
        num_attention_heads=4,
        intermediate_size=2 * size,
        max_position_embeddings=_MAX_TEXT,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config = GroundingDinoConfig(
        backbone_config=backbone,
        text_config=text,
        num_queries=settings.queries,
        encoder_layers=settings.encoder_layers,
        decoder_layers=settings.decoder_layers,
        encoder_n_points=settings.encoder_points,
        encoder_attention_heads=settings.heads,
        decoder_attention_heads=settings.heads,
        encoder_ffn_dim=settings.feed_forward,
        decoder_ffn_dim=settings.feed_forward,
        d_model=size,
        num_feature_levels=2,
        dropout=0.0,
        fusion_droppath=0.0,
        max_text_len=_MAX_TEXT,
    )
    model = GroundingDinoForObjectDetection(config)
    _first_values(model)
    return model


@torch.no_grad()
def _first_values(model: GroundingDinoForObjectDetection) -> None:
    """Scales and offsets without which the first thousand steps only undo the start.

    A score is a plain product of a text and a picture vector, both normalised: as built its first values are
    in the tens. Text is scaled down, and one shared direction gives every score a prior of about 0.02.
    """
    core = model.model
    size = core.config.d_model
    direction = torch.randn(size, generator=torch.Generator().manual_seed(1))
    direction /= direction.norm()
    norm = core.encoder.layers[-1].text_enhancer_layer.layer_norm_after
    norm.weight.mul_(0.1)
    norm.bias.copy_(0.5 * direction)
    for layer_norm in (core.enc_output_norm, core.decoder.layer_norm):
        layer_norm.bias.copy_(-8.0 * direction)
    for layer in core.encoder.layers:
        layer.fusion_layer.vision_param.fill_(0.02)
        layer.fusion_layer.text_param.fill_(0.02)
        # Places learn from themselves first (see `early_proposals`): what they hear from others starts as nothing.
        layer.deformable_layer.self_attn.output_proj.weight.zero_()
        layer.deformable_layer.self_attn.output_proj.bias.zero_()


class Proposals(NamedTuple):
    """What every cell of the feature maps proposes.

    Attributes:
        logits: (B, N, T) float32, a score a word; minus infinity on padding.
        boxes: (B, N, 4) float32, centre x, centre y, width, height as fractions of the picture.
        centres: (N, 2) float32, middle of each cell as fractions of the picture.
        features: (B, C, h, w) a level, what the cells were read from.
    """

    logits: Tensor
    boxes: Tensor
    centres: Tensor
    features: list[Tensor]


class BackboneHead(nn.Module):
    """Reads nouns, colours and boxes straight off the backbone: its first teacher, then a companion loss.

    It never leaves training.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.normal = nn.LayerNorm(size)
        self.classes = nn.Linear(size, CLASSES)
        last = nn.Linear(size, 4)
        self.boxes = nn.Sequential(nn.Linear(size, size), nn.GELU(), last)
        nn.init.constant_(self.classes.bias, -4.0)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Class logits (B, N, classes), boxes (B, N, 4) and cell centres (N, 2) of feature maps (B, C, h, w)."""
        flat = self.normal(_flat(features))
        cells = _cells_of(features)
        boxes = (self.boxes(flat) + torch.special.logit(cells, eps=1e-5)).sigmoid()
        return self.classes(flat), boxes, cells[:, :2]

    @staticmethod
    def anchors(features: list[Tensor]) -> Tensor:
        """Cell centres (N, 2) of feature maps."""
        return _cells_of(features)[:, :2]


def _flat(features: list[Tensor]) -> Tensor:
    """Feature maps (B, C, h, w) a level, as every cell's states (B, N, C)."""
    return torch.cat([feature.flatten(2).transpose(1, 2) for feature in features], 1)


def _cells_of(features: list[Tensor]) -> Tensor:
    """The model's own first proposals on all feature maps, (N, 4)."""
    return torch.cat([_cells(feature, level) for level, feature in enumerate(features)])


def _cells(feature: Tensor, level: int) -> Tensor:
    """The model's own first proposals on a feature map: (h * w, 4), a small box about each cell."""
    height, width = feature.shape[-2:]
    y, x = torch.meshgrid(
        (torch.arange(height, device=feature.device) + 0.5) / height,
        (torch.arange(width, device=feature.device) + 0.5) / width,
        indexing="ij",
    )
    extent = torch.full_like(x, 0.05 * 2.0**level)
    return torch.stack([x, y, extent, extent], -1).reshape(-1, 4)


def backbone_features(model: GroundingDinoForObjectDetection, pixels: Tensor) -> list[Tensor]:
    """The projected feature maps that the encoder is given, (B, size, h, w) a level."""
    maps = model.model.backbone.conv_encoder.model(pixels).feature_maps
    return [project(feature) for project, feature in zip(model.model.input_proj_vision, maps, strict=True)]


def early_proposals(model: GroundingDinoForObjectDetection, pixels: Tensor, ids: Tensor, real: Tensor) -> Proposals:
    """The model's own proposals as they are before places and words attend to each other: half the cost of a step.

    Everything that answers is the model's own (backbone, text, feed-forward and norms of the encoder, proposal
    heads); left out are only the attentions between places and between places and words, which start as nothing
    and are learnt afterwards, and the decoder.

    Args:
        model: of one encoder layer.
        pixels: (B, 3, H, W) float32, normalised.
        ids: (B, T) int64 token ids.
        real: (B, T) bool, false on padding.
    """
    core = model.model
    features = backbone_features(model, pixels)
    inside, positions = generate_masks_with_special_tokens_and_transfer_map(ids, core.special_tokens)
    words = core.text_backbone(ids, inside[:, None], torch.zeros_like(ids), positions).last_hidden_state
    (layer,) = core.encoder.layers
    words, _ = layer.text_enhancer_layer(
        hidden_states=layer.fusion_layer.layer_norm_text(core.text_projection(words)),
        attention_masks=inside,
        position_embeddings=layer.get_text_position_embeddings(words, None, positions),
    )
    places = layer.deformable_layer
    states = _flat(features)
    states = places.self_attn_layer_norm(layer.fusion_layer.layer_norm_vision(states))
    states = places.final_layer_norm(states + places.fc2(places.activation_fn(places.fc1(states))))
    states = core.enc_output_norm(core.enc_output(states))
    cells = _cells_of(features)
    boxes = (core.encoder_output_bbox_embed(states) + torch.special.logit(cells, eps=1e-5)).sigmoid()
    logits = (states @ words.transpose(1, 2)).masked_fill(~real[:, None], -torch.inf)
    return Proposals(logits, boxes, cells[:, :2], features)


def build_processor(short: int, long: int) -> GroundingDinoProcessor:
    """Resizing, normalising and tokenising as the model was trained."""
    images = GroundingDinoImageProcessorPil(size={"shortest_edge": short, "longest_edge": long})
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = build_tokenizer(Path(folder))
    return GroundingDinoProcessor(image_processor=images, tokenizer=tokenizer)


def save_bundle(model: GroundingDinoForObjectDetection, processor: GroundingDinoProcessor, folder: Path) -> None:
    """Writes half-precision weights, configuration and processor as `from_pretrained` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    half = build_copy(model).half()
    half.save_pretrained(folder)
    processor.save_pretrained(folder)


@torch.no_grad()
def take_over(model: GroundingDinoForObjectDetection, folder: Path) -> list[str]:
    """Starts a model from a finished one of the same sizes; words are matched by their spelling.

    Where one has more rows than the other (queries, words), the rest keep their own first values.

    Returns:
        Names of the parameters that kept their own first values altogether.

    Raises:
        OSError: No finished model lies in `folder`.
    """
    known = GroundingDinoForObjectDetection.from_pretrained(folder, local_files_only=True).float().state_dict()
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    own, embedding = model.state_dict(), "model.text_backbone.embeddings.word_embeddings.weight"
    rows = {token: token for token in range(FIRST_WORD)}
    rows |= {token: vocabulary[word] for word, token in TOKENS.items() if word in vocabulary}
    kept = []
    for name, value in own.items():
        before = known.get(name)
        if name == embedding:
            value[list(rows)] = known[name][list(rows.values())]
        elif before is not None and before.shape == value.shape:
            value.copy_(before)
        elif before is not None and before.shape[1:] == value.shape[1:]:
            shared = min(len(before), len(value))
            value[:shared] = before[:shared]
        else:
            kept.append(name)
    return kept


def build_copy(model: GroundingDinoForObjectDetection) -> GroundingDinoForObjectDetection:
    """An independent model of the same sizes and weights, on the CPU, ready to answer."""
    twin = GroundingDinoForObjectDetection(model.config)
    twin.load_state_dict(model.state_dict())
    return twin.eval()
