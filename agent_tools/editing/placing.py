"""Puts a thing somewhere else in its picture, or a second one beside it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from agent_tools.editing.matting import soft_edges
from agent_tools.editing.regions import Floats, Pixels, Region, Window, strips, window_of
from agent_tools.editing.removing import filled, hole_of
from agent_tools.editing.task import Outcome, Task


def move(task: Task) -> Outcome:
    """The thing elsewhere, and the place it leaves filled."""
    hole = hole_of(task)
    return _placed(task, filled(task, hole), hole)


def duplicate(task: Task) -> Outcome:
    """The thing where it is, and once more elsewhere."""
    return _placed(task, task.pixels.copy(), np.zeros_like(task.region))


def _placed(task: Task, made: Pixels, changed: Region) -> Outcome:
    """The thing over `made`, dx and dy away, as far as that lies in the picture."""
    kept, changed = task.region, changed.copy()
    box = window_of(kept)
    if box is None:
        return made, changed
    down, right = round(task.dy), round(task.dx)
    # First all of it, then its rim again, from what was there before the thing came.
    under = made.copy()
    for here, there in _pairs(strips(box), down, right, *kept.shape):
        _over(task, made, there, task.pixels[here][..., :3], kept[here].astype(np.float32), here, under)
        changed[there] |= kept[here]
    for window, share, colours in soft_edges(task.pixels, kept, task.feather):
        for here, there in _pairs([window], down, right, *kept.shape):
            part = tuple(
                slice(inner.start - outer.start, inner.stop - outer.start)
                for inner, outer in zip(here, window, strict=True)
            )
            _over(task, made, there, colours[part], share[part], here, under)
    return made, changed


def _over(task: Task, made: Pixels, there: Window, colours: Pixels, share: Floats, here: Window, under: Pixels) -> None:
    """Lay colours (h, w, 3) over what was under them, by their share (h, w) and the thing's own alpha."""
    own = task.region[here]
    back = under[there].astype(np.float32)
    if made.shape[2] == 3:
        laid = back + (colours - back) * share[..., None]
    else:
        front = share * task.pixels[here][..., 3] / np.float32(task.top)
        rest = back[..., 3] / np.float32(task.top) * (1 - front)
        total = np.maximum(front + rest, 1e-6)[..., None]
        mixed = (colours * front[..., None] + back[..., :3] * rest[..., None]) / total
        laid = np.concatenate([mixed, (front + rest)[..., None] * task.top], -1)
    np.copyto(made[there], np.rint(laid), where=own[..., None], casting="unsafe")


def _pairs(
    windows: Iterator[Window] | list[Window], down: int, right: int, height: int, width: int
) -> Iterator[tuple[Window, Window]]:
    """Windows, and the same so far away, both cut to what of the second lies in the picture."""
    for rows, columns in windows:
        top, bottom = max(rows.start + down, 0), min(rows.stop + down, height)
        left, end = max(columns.start + right, 0), min(columns.stop + right, width)
        if top < bottom and left < end:
            yield (
                (slice(top - down, bottom - down), slice(left - right, end - right)),
                (slice(top, bottom), slice(left, end)),
            )
