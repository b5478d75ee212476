"""The Triton kernel of multi-scale deformable attention: what `deformable_attention` sums on a CPU, on CUDA.

Nothing is built ahead: Triton, which comes with PyTorch for CUDA, compiles the kernel at its first call, in about a
second for each kind of input (types, heads, levels, points), whatever the sizes of the maps. Sums are float32 whatever
the maps are. The module can be imported only where Triton is installed, and does not know when it is used.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import triton
import triton.language as tl
from torch import Tensor

_QUERIES = 32
"""Queries of one head that a program answers together: their points lie near each other, and so do the rows read."""


# Triton looks up every name that it finds, those of Python's types too, so that the arguments have none.
@triton.jit  # type: ignore[untyped-decorator]
def _kernel(  # type: ignore[no-untyped-def]
    value,  # (B, S, H, D)
    layout,  # (L, 3) int32: height, width, first pixel
    x_at,  # (B, Q, H, L, P) float32
    y_at,
    weight_at,
    answer,  # (B, Q, H, D)
    queries,
    pixels,
    HEADS: tl.constexpr,  # noqa: N803 (Triton's custom for what is fixed at compilation)
    DEPTH: tl.constexpr,  # noqa: N803
    LEVELS: tl.constexpr,  # noqa: N803
    POINTS: tl.constexpr,  # noqa: N803
    BLOCK: tl.constexpr,  # noqa: N803
    WIDE: tl.constexpr,  # noqa: N803 (DEPTH up to a power of two)
):
    head = tl.program_id(1)
    batch = tl.program_id(2).to(tl.int64)
    query = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.arange(0, WIDE)
    asked, there = query < queries, channel < DEPTH
    place = (batch * queries + query) * HEADS + head
    total = tl.full((BLOCK, WIDE), 0.0, tl.float32)
    for level in range(LEVELS):
        height = tl.load(layout + 3 * level)
        width = tl.load(layout + 3 * level + 1)
        first = tl.load(layout + 3 * level + 2)
        maps = value + ((batch * pixels + first) * HEADS + head) * DEPTH
        for point in range(POINTS):
            at = (place * LEVELS + level) * POINTS + point
            # One pixel outside nothing is seen: nearer numbers keep far ones from overflowing an integer.
            x = tl.minimum(tl.maximum(tl.load(x_at + at, mask=asked, other=-1.0), -1.0), width.to(tl.float32))
            y = tl.minimum(tl.maximum(tl.load(y_at + at, mask=asked, other=-1.0), -1.0), height.to(tl.float32))
            weight = tl.load(weight_at + at, mask=asked, other=0.0).to(tl.float32)
            left, top = tl.floor(x), tl.floor(y)
            right_share, below_share = x - left, y - top
            column, row = left.to(tl.int32), top.to(tl.int32)
            for corner in tl.static_range(4):
                to_right, to_below = corner % 2, corner // 2
                across = right_share if to_right else 1.0 - right_share
                down = below_share if to_below else 1.0 - below_share
                x_index, y_index = column + to_right, row + to_below
                inside = (x_index >= 0) & (x_index < width) & (y_index >= 0) & (y_index < height) & asked
                pixel = (y_index * width + x_index) * (HEADS * DEPTH)
                seen = tl.load(
                    maps + pixel[:, None] + channel[None, :], mask=inside[:, None] & there[None, :], other=0.0
                )
                total += (weight * across * down)[:, None] * seen.to(tl.float32)
    tl.store(
        answer + place[:, None] * DEPTH + channel[None, :],
        total.to(answer.dtype.element_ty),
        mask=asked[:, None] & there[None, :],
    )


def sample(value: Tensor, shapes: tuple[tuple[int, int], ...], x: Tensor, y: Tensor, weights: Tensor) -> Tensor:
    """The weighted sum of points of the maps, for each query and head.

    Args:
        value: (B, S, H, D) contiguous, float32, bfloat16 or float16: the maps, one after the other.
        shapes: (height, width) of each map.
        x: (B, Q, H, L, P) float32, where to look, pixels of the map; nothing is seen outside it.
        y: likewise.
        weights: (B, Q, H, L, P), what each point counts.

    Returns:
        (B, Q, H * D) of value's type.
    """
    batch, queries, heads, levels, points = x.shape
    depth = value.shape[-1]
    answer = torch.empty((batch, queries, heads * depth), dtype=value.dtype, device=value.device)
    grid = (triton.cdiv(queries, _QUERIES), heads, batch)
    _kernel[grid](
        value,
        _layout(shapes, value.device),
        x.contiguous(),
        y.contiguous(),
        weights.contiguous(),
        answer,
        queries,
        value.shape[1],
        HEADS=heads,
        DEPTH=depth,
        LEVELS=levels,
        POINTS=points,
        BLOCK=_QUERIES,
        WIDE=triton.next_power_of_2(depth),
    )
    return answer


@lru_cache(maxsize=64)
def _layout(shapes: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    first, rows = 0, []
    for height, width in shapes:
        rows.append((height, width, first))
        first += height * width
    with torch.inference_mode(False):
        return torch.tensor(rows, dtype=torch.int32, device=device)
