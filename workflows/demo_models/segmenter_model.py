"""The small Segment Anything that is bundled as the demo segmenter: its shape, its prompts and its loss.

A `transformers.SamModel` like any other (Kirillov et al. 2023), only smaller; what is ours is where its weights
start. This module does not know: scenes, training, how prompts are drawn, the service that loads the saved folder.
"""

import math
from typing import NamedTuple

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import nn
from torch.nn import functional
from transformers import (
    SamConfig,
    SamImageProcessorPil,
    SamMaskDecoderConfig,
    SamModel,
    SamProcessor,
    SamPromptEncoderConfig,
    SamVisionConfig,
)

from agent_tools.services.drawn_prompts import drawn_prompts


class ModelShape(BaseModel):
    """The shape of the Segment Anything model; sizes in pixels or channels."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    image_size: int
    patch_size: int
    hidden_size: int
    layers: int
    heads: int
    mlp_ratio: float
    window_size: int
    global_layers: tuple[int, ...]
    decoder_size: int = Field(ge=48, multiple_of=16)
    decoder_heads: int
    decoder_mlp: int


def build_model(shape: ModelShape) -> SamModel:
    """Returns an untrained model; torch's seed decides its weights."""
    vision = SamVisionConfig(
        hidden_size=shape.hidden_size,
        output_channels=shape.decoder_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        image_size=shape.image_size,
        patch_size=shape.patch_size,
        mlp_ratio=shape.mlp_ratio,
        window_size=shape.window_size,
        global_attn_indexes=list(shape.global_layers),
        num_pos_feats=shape.decoder_size // 2,
        initializer_range=0.02,
        # Relative positions keep attention from running fused and triple an encoder step on a CPU.
        use_rel_pos=False,
    )
    prompts = SamPromptEncoderConfig(
        hidden_size=shape.decoder_size, image_size=shape.image_size, patch_size=shape.patch_size
    )
    decoder = SamMaskDecoderConfig(
        hidden_size=shape.decoder_size,
        mlp_dim=shape.decoder_mlp,
        num_attention_heads=shape.decoder_heads,
        iou_head_hidden_dim=shape.decoder_size,
    )
    model = SamModel(SamConfig(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder))
    with torch.no_grad():
        _place_weights(model)
        _place_positions(model, shape)
        _pass_patches_through(model, shape)
    return model


def _place_weights(model: SamModel) -> None:
    """Gives attention and masks a start that small models learn from in hundreds of steps, not thousands."""
    # The library's 0.02 suits wide models; in one this narrow every attention would start out uniform and the mask
    # features all but zero.
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        elif isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
        elif isinstance(module, nn.ConvTranspose2d):
            nn.init.normal_(module.weight, std=module.in_channels**-0.5)
    # Equal query and key projections make a prompt attend to its own place from the first step on.
    transformer = model.mask_decoder.transformer
    for layer in transformer.layers:
        for attention in (layer.cross_attn_token_to_image, layer.cross_attn_image_to_token):
            attention.k_proj.weight.copy_(attention.q_proj.weight)
    transformer.final_attn_token_to_image.k_proj.weight.copy_(transformer.final_attn_token_to_image.q_proj.weight)
    # Start from "nothing anywhere" (logits near -3), nearly right for small things. The first channel is a
    # constant after its GELU, weighed by each mask.
    model.mask_decoder.upscale_conv2.bias[0] = 2.0
    for head in model.mask_decoder.output_hypernetworks_mlps:
        head.proj_out.bias[0] = -1.5


def _cosine_patches(shape: ModelShape) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the cosine transform of a patch's brightness and two colour differences, and its inverse.

    The lowest frequencies first, the higher ones raised as pictures lack them. Random filters mix a patch's edges
    into noise that the encoder takes thousands of steps to undo.

    Returns:
        Filters and what each stands for in the patch, both (K, 3, p, p), K at most the hidden size.
    """
    side = shape.patch_size
    places, orders = torch.arange(side) + 0.5, torch.arange(side)
    waves = torch.cos(math.pi / side * places * orders[:, None]) * (2 / side) ** 0.5
    waves[0] /= 2**0.5
    colours = torch.tensor([[1.0, 1, 1], [1, -1, 0], [1, 1, -2]])
    colours = colours / colours.norm(dim=1, keepdim=True)
    ranked = sorted(
        (down + across + 2 * (colour > 0), colour, down, across)
        for colour in range(3)
        for down in range(side)
        for across in range(side)
    )[: shape.hidden_size]
    basis = torch.stack(
        [colours[c][:, None, None] * torch.outer(waves[down], waves[across]) for _, c, down, across in ranked]
    )
    gains = torch.tensor([(1 + 1.5 * (down + across)) / side for _, _, down, across in ranked])[:, None, None, None]
    return basis * gains, basis / gains


def _pass_patches_through(model: SamModel, shape: ModelShape) -> None:
    """Starts the network as one that carries each patch's colours up to the mask features, where masks are read.

    Blocks start near the identity, the neck copies, and the upscaling undoes the cosine transform cell by cell; so
    edges are sharp from the first step and training has only to learn what belongs together.
    """
    filters, patches = _cosine_patches(shape)
    encoder, decoder = model.vision_encoder, model.mask_decoder
    encoder.patch_embed.projection.weight[: len(filters)] = filters
    for layer in encoder.layers:
        layer.attn.proj.weight.mul_(0.1)
        layer.mlp.lin2.weight.mul_(0.1)
    kept = min(shape.decoder_size, len(filters))
    encoder.neck.conv1.weight.mul_(0.2)
    encoder.neck.conv1.weight[:kept, :kept, 0, 0] += torch.eye(kept)
    encoder.neck.conv2.weight.mul_(0.2)
    encoder.neck.conv2.weight[:kept, :kept, 1, 1] += torch.eye(kept)
    # Colours of the 4 x 4 cells of a patch, as (kept, 3, quarter down, cell down, quarter across, cell across).
    cells = functional.adaptive_avg_pool2d(patches[:kept], 4).reshape(kept, 3, 2, 2, 2, 2)
    first, second = decoder.upscale_conv1, decoder.upscale_conv2
    for down in range(2):
        for across in range(2):
            for colour in range(3):
                channel = 3 * (2 * down + across) + colour
                first.weight[:, channel] = 0.0
                first.weight[:kept, channel] = cells[:, colour, :, down, :, across]
                second.weight[:, 1 + colour, down, across] = 0.0
                second.weight[channel, 1 + colour, down, across] = 1.0
    # Lifted to where GELU is all but linear.
    decoder.upscale_layer_norm.bias[:12] = 1.5


def _place_positions(model: SamModel, shape: ModelShape) -> None:
    """Gives positions a usable start.

    The library draws the prompt frequencies with a deviation of half the hidden size, far too fast for
    neighbouring pixels to look alike (the paper's is 1), and the patch positions as zeros.
    """
    frequencies = model.shared_image_embedding.positional_embedding
    scales = torch.exp(torch.empty(frequencies.shape[1]).uniform_(math.log(0.3), math.log(4.0)))
    angles = torch.empty(frequencies.shape[1]).uniform_(0, 2 * math.pi)
    frequencies.copy_(torch.stack([scales * angles.cos(), scales * angles.sin()]))
    frequencies.requires_grad_(False)
    side, quarter = shape.image_size // shape.patch_size, shape.hidden_size // 4
    rates = math.pi * torch.exp(torch.linspace(math.log(0.5), math.log(side / 2), quarter))
    waves = torch.linspace(-1, 1, side)[:, None] * rates
    line = torch.cat([waves.sin(), waves.cos()], dim=1)
    rows = line[:, None, :].expand(side, side, -1)
    columns = line[None, :, :].expand(side, side, -1)
    model.vision_encoder.pos_embed.copy_(0.3 * torch.cat([rows, columns], dim=-1)[None])


def build_processor(shape: ModelShape) -> SamProcessor:
    """Returns the processor saved beside the model: longest edge, ImageNet normalisation, pad to a square."""
    square, masks = shape.image_size, shape.image_size // shape.patch_size * 4
    return SamProcessor(
        SamImageProcessorPil(
            size={"longest_edge": square},
            pad_size={"height": square, "width": square},
            mask_size={"longest_edge": masks},
            mask_pad_size={"height": masks, "width": masks},
        )
    )


class Prompts(NamedTuple):
    """Prompts of one kind for N objects, in pixels of the padded square.

    Attributes:
        boxes: (N, 4) float32 xyxy, or None.
        points: (N, K, 2) float32, or None.
        labels: (N, K) int64, or None.
        masks: (N, 1, 4T, 4T) float32 logits, T tokens a side, or None.
    """

    boxes: torch.Tensor | None
    points: torch.Tensor | None = None
    labels: torch.Tensor | None = None
    masks: torch.Tensor | None = None


def predict(model: SamModel, embeddings: torch.Tensor, prompts: Prompts) -> tuple[torch.Tensor, torch.Tensor]:
    """Answers one prompt an object; a lone click gets three masks, anything else one.

    Each prompt is also drawn into the mask input, as the service draws it. Points and boxes alone are codes whose
    places the decoder has to learn: after 800 steps it still filled a box no better than a ruler would.

    Args:
        model: a SamModel of square pictures.
        embeddings: (N, C, T, T) float32, each object's picture.
        prompts: for the N objects.

    Returns:
        Logits (N, M, 4T, 4T) and predicted IoU (N, M), M 3 or 1.
    """
    points, labels, boxes = prompts.points, prompts.labels, prompts.boxes
    lone_click = points is not None and points.shape[1] == 1 and boxes is None and prompts.masks is None
    vision = model.config.vision_config
    cells = 4 * vision.image_size // vision.patch_size
    earlier = None if prompts.masks is None else prompts.masks[:, 0]
    drawn = drawn_prompts(cells, points, labels, boxes, earlier, scale=cells / vision.image_size)
    answer = model(
        image_embeddings=embeddings,
        input_points=None if points is None else points[:, None],
        input_labels=None if labels is None else labels[:, None],
        input_boxes=None if boxes is None else boxes[:, None],
        input_masks=drawn[:, None],
        multimask_output=lone_click,
    )
    return answer.pred_masks[:, 0], answer.iou_scores[:, 0]


def mask_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Focal loss, summed and divided by the object's area so that small ones count, plus dice loss.

    Args:
        logits: (N, M, h, w) float32.
        targets: (N, 1, h, w) float32, the covered share of each cell, 0 to 1.

    Returns:
        (N, M) float32.
    """
    targets = targets.expand_as(logits)
    chances = logits.sigmoid()
    # Lin et al. 2017, with the distance to a soft target in place of the chance of being wrong.
    focal = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none") * (chances - targets).abs()
    area = targets.sum(dim=(2, 3))
    overlap = (chances * targets).sum(dim=(2, 3))
    dice = 1 - (2 * overlap + 1) / (chances.sum(dim=(2, 3)) + area + 1)
    return focal.sum(dim=(2, 3)) / (area + 16) + dice


def mask_iou(predicted: torch.Tensor, truths: torch.Tensor) -> torch.Tensor:
    """Intersection over union of (N, M, H, W) bool with (N, H, W) bool: (N, M) float32."""
    truths = truths[:, None]
    both = (predicted & truths).sum(dim=(2, 3))
    either = (predicted | truths).sum(dim=(2, 3))
    return both / either.clamp(min=1)


class OutlineHead(nn.Module):
    """Reads things and their outlines straight from a picture's encoding, in training only.

    Prompts teach the encoder about a few objects a step; this teaches it about every pixel, and is thrown away.
    """

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.project = nn.Conv2d(shape.decoder_size, 2 * 16, kernel_size=1)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Returns logits (B, 2, 4T, 4T), thing and outline, from embeddings (B, C, T, T)."""
        return functional.pixel_shuffle(self.project(embeddings), 4)


def outline_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of things and outlines.

    Args:
        logits: (B, 2, h, w) float32, as `OutlineHead` gives them.
        labels: (B, S, S) uint8, 0 background, else the object's number.
    """
    whole = labels.float()[:, None]
    padded = functional.pad(whole, (1, 1, 1, 1), mode="replicate")
    low, high = -functional.max_pool2d(-padded, 3, stride=1), functional.max_pool2d(padded, 3, stride=1)
    maps = torch.cat([(whole > 0).float(), (low != high).float()], dim=1)
    targets = functional.interpolate(maps, size=logits.shape[-2:], mode="area")
    return functional.binary_cross_entropy_with_logits(logits, targets)
