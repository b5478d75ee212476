"""Multi-scale deformable attention: each query looks at a few points of each feature map, wherever it likes.

The method is Deformable DETR's (Zhu et al. 2021, "Deformable DETR: Deformable Transformers for End-to-End Object
Detection", section 4.1), as Grounding DINO uses it. The numbers are those of `torch.nn.functional.grid_sample` with
zeros outside the maps, up to rounding. Here a map is a table of rows, one a pixel and head, and a query's answer is a
weighted sum of rows, for which PyTorch has a fast loop of its own on a CPU (`embedding_bag`, several times faster than
`grid_sample`). On CUDA a Triton kernel makes the same sum; see `deformable_kernel`. For inference only. This module
does not know phrases, pictures or any whole model.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from agent_tools.errors import shorten

Shapes = tuple[tuple[int, int], ...]
"""(height, width) of each map, pixels."""
Sampler = Callable[[Tensor, Tensor, Tensor], Tensor]
"""x, y and weights, each (B, Q, H, L, P) → (B, Q, H * D); x and y are consumed."""
QUERIES_AT_ONCE = 1024
"""Queries that a CPU answers together, so that what lies between its steps stays in its cache."""
_log = logging.getLogger(__name__)


class DeformableAttention(nn.Module):
    """Takes over the weights of a transformers' module and answers as it does, without the attention weights."""

    def __init__(self, theirs: Any) -> None:
        """Takes over.

        Args:
            theirs: a ``(MM)GroundingDinoMultiscaleDeformableAttention``.
        """
        super().__init__()
        self.heads, self.levels, self.points = int(theirs.n_heads), int(theirs.n_levels), int(theirs.n_points)
        self.value_proj, self.output_proj = theirs.value_proj, theirs.output_proj
        self.attention_weights = theirs.attention_weights
        self.offsets = _axis_by_axis(theirs.sampling_offsets)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,  # noqa: ARG002 (transformers' own names)
        position_embeddings: Tensor | None = None,
        reference_points: Tensor | None = None,
        spatial_shapes: Tensor | None = None,  # noqa: ARG002
        spatial_shapes_list: Sequence[tuple[int, int]] = (),
        level_start_index: Tensor | None = None,  # noqa: ARG002
        output_attentions: bool = False,  # noqa: ARG002
    ) -> tuple[Tensor, None]:
        """Answer queries from the maps.

        Args:
            hidden_states: (B, Q, C), the queries.
            attention_mask: (B, S) bool, False where a pixel of the maps is padding.
            encoder_hidden_states: (B, S, C), the maps, one after the other.
            encoder_attention_mask: not read; transformers passes the same mask twice.
            position_embeddings: (B, Q, C), added to the queries.
            reference_points: (B, Q, L, 2) x, y or (B, Q, L, 4) x, y, width, height, as shares of each map.
            spatial_shapes: not read; the list says the same without a wait for the device.
            spatial_shapes_list: (height, width) of each map.
            level_start_index: not read, likewise.
            output_attentions: not read; the attention weights are never kept.

        Returns:
            (B, Q, C), and None where transformers has the attention weights.
        """
        assert encoder_hidden_states is not None
        assert reference_points is not None
        shapes: Shapes = tuple((int(height), int(width)) for height, width in spatial_shapes_list)
        value = self.value_proj(encoder_hidden_states)
        on_cpu = value.device.type == "cpu"
        # Asking whether there is padding is cheap on a CPU and saves a pass; a GPU would have to be waited for.
        if attention_mask is not None and not (on_cpu and bool(attention_mask.all())):
            value = value.masked_fill(~attention_mask[..., None], 0.0)
        sampler = choose_sampler(value.unflatten(-1, (self.heads, -1)), shapes)
        count = hidden_states.shape[1]
        step = max(1, QUERIES_AT_ONCE // len(hidden_states)) if on_cpu else count
        answers = []
        for begin in range(0, count, step):
            queries = hidden_states[:, begin : begin + step]
            if position_embeddings is not None:
                queries = queries + position_embeddings[:, begin : begin + step]
            x, y, weights = self._points(queries, reference_points[:, begin : begin + step], shapes)
            answers.append(self.output_proj(sampler(x, y, weights)))
        return answers[0] if len(answers) == 1 else torch.cat(answers, dim=1), None

    def _points(self, queries: Tensor, reference: Tensor, shapes: Shapes) -> tuple[Tensor, Tensor, Tensor]:
        """Where each query looks, x and y in pixels of each map, and how much each point counts: (B, Q, H, L, P)."""
        # Half precision would move points by whole shares of a pixel.
        with torch.autocast(queries.device.type, enabled=False):
            queries, reference = queries.float(), reference.float()
            grid = (self.heads, self.levels, self.points)
            weights = self.attention_weights(queries).unflatten(-1, (self.heads, -1)).softmax(-1)
            x, y = self.offsets(queries).unflatten(-1, (2, *grid)).unbind(2)
            widths, heights = _sizes(shapes, queries.device)
            if reference.shape[-1] == 4:
                # A box: offsets are in half sides of it, a point's share of them.
                span = reference[:, :, None, :, 2:] * (0.5 / self.points)
                x = x * (span[..., :1] * widths)
                y = y * (span[..., 1:] * heights)
            x = x + (reference[:, :, None, :, :1] * widths - 0.5)
            y = y + (reference[:, :, None, :, 1:2] * heights - 0.5)
        return x, y, weights.unflatten(-1, grid[1:])


def choose_sampler(value: Tensor, shapes: Shapes) -> Sampler:
    """What sums the points of the maps, as it is fastest on the device that they lie on.

    Args:
        value: (B, S, H, D), the maps one after the other, of every head.
        shapes: of the maps.
    """
    if value.device.type == "cuda" and (kernel := triton_kernel(value.device)) is not None:
        return lambda x, y, weights: kernel(value.contiguous(), shapes, x, y, weights)
    return _Rows.of(value, shapes).summed


@cache
def triton_kernel(device: torch.device) -> Callable[..., Tensor] | None:
    """The Triton kernel, tried once; None, with the reason in the log, where it does not run on the device."""
    try:
        from agent_tools.services.deformable_kernel import sample

        # Triton finds out only here that a machine has no C compiler, or a driver of another age.
        value, place = torch.zeros(1, 1, 1, 16, device=device), torch.zeros(1, 1, 1, 1, 1, device=device)
        sample(value, ((1, 1),), place, place, place)
    except Exception as error:  # noqa: BLE001 (it breaks in its own ways, all with the same way out)
        reason = f"{type(error).__name__}: {shorten(error, 160)}"
        _log.warning("deformable attention runs on %s without its Triton kernel, slower: %s", device, reason)
        return None
    return sample


class _Rows(NamedTuple):
    """The maps of one call as a table, each map framed by a ring of zeros.

    A point outside a map is moved to the ring, where it counts nothing; so no point needs a case of its own.

    Attributes:
        table: (B * R, D), R rows a picture: pixel by pixel, the heads of a pixel one after the other.
        rows: R.
        heads: H.
        layout: where the maps lie in it.
    """

    table: Tensor
    rows: int
    heads: int
    layout: _Layout

    @classmethod
    def of(cls, value: Tensor, shapes: Shapes) -> _Rows:
        batch, _, heads, depth = value.shape
        pixels = sum((height + 2) * (width + 2) for height, width in shapes)
        # The loop for tables sums in float32 alone on a CPU, and half precision gains it nothing.
        framed = torch.zeros((batch, pixels, heads, depth), dtype=torch.float32, device=value.device)
        begin = source = 0
        for height, width in shapes:
            end = begin + (height + 2) * (width + 2)
            inside = framed[:, begin:end].view(batch, height + 2, width + 2, heads, depth)[:, 1:-1, 1:-1]
            inside.copy_(value[:, source : source + height * width].view(inside.shape))
            begin, source = end, source + height * width
        return cls(framed.view(-1, depth), pixels * heads, heads, _layout(shapes, heads, value.device))

    def summed(self, x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
        """The sampler: every point's four neighbours, weighted, from the table."""
        batch, count, heads, levels, points = x.shape
        layout, every = self.layout, levels * points
        # All levels and points of a head side by side: short last axes would cost more than the arithmetic.
        x, y, weights = (some.float().reshape(batch, count, heads, every) for some in (x, y, weights))
        widths, heights, strides, begins = (some.repeat_interleave(points) for some in layout[:4])
        x, y = torch.minimum(x.clamp_(min=-1), widths), torch.minimum(y.clamp_(min=-1), heights)
        left, top = torch.minimum(x.floor(), widths - 1), torch.minimum(y.floor(), heights - 1)
        x, y = x.sub_(left), y.sub_(top)
        row = top.int().mul_(strides).add_(left.int(), alpha=heads).add_(begins)
        row.add_(torch.arange(heads, dtype=torch.int32, device=x.device)[:, None])
        if batch > 1:
            row.add_(torch.arange(batch, dtype=torch.int32, device=x.device)[:, None, None, None], alpha=self.rows)
        below = weights * y
        above = weights - below
        below_right, above_right = below * x, above * x
        each = torch.cat([above.sub_(above_right), above_right, below.sub_(below_right), below_right], dim=-1)
        rows = torch.cat([row, row + heads, row + strides, row + (strides + heads)], dim=-1)
        flat = nn.functional.embedding_bag(
            rows.view(-1, 4 * every), self.table, per_sample_weights=each.view(-1, 4 * every), mode="sum"
        )
        return flat.view(batch, count, -1)


class _Layout(NamedTuple):
    """Of each map: (L,) width and height, pixels, float32; rows from a pixel to the one below, and the map's first."""

    widths: Tensor
    heights: Tensor
    strides: Tensor
    begins: Tensor


@lru_cache(maxsize=64)
def _layout(shapes: Shapes, heads: int, device: torch.device) -> _Layout:
    begins, pixels = [], 0
    for height, width in shapes:
        begins.append((pixels + width + 2 + 1) * heads)
        pixels += (height + 2) * (width + 2)
    strides = [(width + 2) * heads for _, width in shapes]
    widths, heights = (some[:, 0] for some in _sizes(shapes, device))
    with torch.inference_mode(False):  # kept between calls, and fit for any of them
        whole = [torch.tensor(some, dtype=torch.int32, device=device) for some in (strides, begins)]
    return _Layout(widths, heights, *whole)


@lru_cache(maxsize=64)
def _sizes(shapes: Shapes, device: torch.device) -> tuple[Tensor, Tensor]:
    """Widths and heights of the maps, pixels, each (L, 1) float32."""
    with torch.inference_mode(False):
        sizes = torch.tensor(shapes, dtype=torch.float32, device=device)
        return sizes[:, 1:].contiguous(), sizes[:, :1].contiguous()


def _axis_by_axis(linear: nn.Linear) -> nn.Linear:
    """The same layer with all x before all y: two long runs of numbers instead of pairs."""
    order = torch.arange(linear.out_features).view(-1, 2).T.reshape(-1)
    same = nn.Linear(linear.in_features, linear.out_features, device=linear.weight.device, dtype=linear.weight.dtype)
    with torch.no_grad():
        same.weight.copy_(linear.weight[order])
        same.bias.copy_(linear.bias[order])
    return same.eval().requires_grad_(False)
