"""Compares what stands on a shelf with what should: missing, surplus, in the wrong row, and empty places.

This module does not know pictures, detectors or how a thing was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from agent_tools.certainty import counted_with
from agent_tools.shelves.products import Expected, Product
from agent_tools.shelves.results import Box, Finding, ShelfObject, ShelfRow

STRAY = 0.3
"""Things of each product that may stand in a row by mistake, beside the number that a plan has there."""
ROOM = 0.75
"""Of a place, what an opening between two things has to be wider than the usual space between them, to be an empty one."""


def row_number(expected: Expected, rows: int) -> int:
    """The number of the row that is meant, 1 the top one, on a shelf with so many; 0: any row."""
    if expected.row is None:
        return 0
    return expected.row if expected.row > 0 else max(0, rows + 1 + expected.row)


def planned(products: Sequence[Product], expected: Mapping[str, Sequence[Expected]], rows: int) -> NDArray[np.float64]:
    """How many of each product a plan has in each row, (rows + 1, P) float64, 0 for "in no row"; all 0 without a plan.

    What is expected anywhere on the shelf is in every row.
    """
    plan = np.zeros((rows + 1, len(products)))
    for column, product in enumerate(products):
        for each in expected.get(product.sku, ()):
            row, number = row_number(each, rows), (each.low + (each.low if each.high is None else each.high)) / 2
            if row <= rows:
                plan[row or slice(None), column] += number if row else number / max(rows, 1)
    return plan


def by_plan(chances: NDArray[np.float64], row_of: NDArray[np.int64], plan: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chances of things to be products, (N, P), where a plan helps to tell look-alikes apart.

    Which product a thing is, is weighed by how many of each the plan has in its row, and `STRAY` of every other one.
    That something is there at all stays as likely as it was.

    Args:
        chances: (N, P) in [0, 1].
        row_of: (N,), the row of each thing, 0 for none.
        plan: (rows + 1, P), as from `planned`.
    """
    if not plan.any() or not chances.size:
        return chances
    weighed = chances * (plan[row_of] + STRAY)
    there, total = chances.sum(axis=1, keepdims=True), weighed.sum(axis=1, keepdims=True)
    return np.asarray(weighed * there / np.maximum(total, 1e-12), np.float64)


def compared_with(
    products: Sequence[Product],
    expected: Mapping[str, Sequence[Expected]],
    objects: Sequence[ShelfObject],
    rows: Sequence[ShelfRow],
    unknown: Mapping[str, str],
) -> tuple[Finding, ...]:
    """The differences, surest first.

    Args:
        products: that were looked for.
        expected: sku → what should be on this shelf.
        objects: what was counted, and near misses.
        rows: of the shelf.
        unknown: products that were not looked for; nothing is missing of what nobody looked for.
    """
    found: list[Finding] = []
    for product in products:
        wanted = expected.get(product.sku, ())
        if not wanted or product.sku in unknown:
            continue
        homes = {row_number(each, len(rows)) for each in wanted}
        for each in wanted:
            found += _differs(product.sku, row_number(each, len(rows)), each, objects)
        if 0 not in homes:
            for row in rows:
                if row.number not in homes:
                    found += _strays(product.sku, row.number, objects)
    found += _gaps(objects, rows, {finding.row: finding.sku for finding in found if finding.kind == "missing"})
    return tuple(sorted(found, key=lambda finding: (-finding.confidence, finding.row, finding.sku, finding.kind)))


def _differs(sku: str, row: int, expected: Expected, objects: Sequence[ShelfObject]) -> list[Finding]:
    """Fewer or more than expected, if so."""
    mine = [each for each in objects if each.sku == sku and row in (0, each.row)]
    n = sum(each.counted for each in mine)
    total = counted_with([each.chance for each in mine])
    bounds = (expected.low, expected.high)
    if n < expected.low:
        return [Finding("missing", sku, row, bounds, n, round(float(total[: expected.low].sum()), 4))]
    if expected.high is not None and n > expected.high:
        return [Finding("surplus", sku, row, bounds, n, round(float(total[expected.high + 1 :].sum()), 4))]
    return []


def _strays(sku: str, row: int, objects: Sequence[ShelfObject]) -> list[Finding]:
    """Things of a product in a row in which none should be."""
    mine = [each for each in objects if each.sku == sku and each.row == row]
    n = sum(each.counted for each in mine)
    sure = 1 - float(counted_with([each.chance for each in mine])[0])
    return [Finding("misplaced", sku, row, (0, 0), n, round(sure, 4))] if n else []


def _gaps(objects: Sequence[ShelfObject], rows: Sequence[ShelfRow], missing: Mapping[int, str]) -> list[Finding]:
    """Empty places between and beside things, and rows with nothing in them."""
    counted = [each for each in objects if each.counted]
    if not counted:
        return []
    left, right = min(each.box[0] for each in counted), max(each.box[2] for each in counted)
    found: list[Finding] = []
    for row in rows:
        mine = sorted((each for each in counted if each.row == row.number), key=lambda each: each.box[0])
        if not mine:
            found.append(
                Finding("gap", missing.get(row.number, ""), row.number, None, 0, 1.0, _whole(row, left, right))
            )
        for box, sku in _openings(mine, left, right):
            found.append(Finding("gap", sku, row.number, None, 0, 1.0, box))
    return found


def _openings(mine: Sequence[ShelfObject], left: float, right: float) -> list[tuple[Box, str]]:
    """Where one more thing would fit in a row, with what stands beside it."""
    if len(mine) < 2:
        return []
    spaces = [max(0.0, after.box[0] - before.box[2]) for before, after in pairwise(mine)]
    usual = median(spaces) if len(spaces) > 2 else min(spaces)
    found = []
    for before, after in pairwise([None, *mine, None]):
        beside = before or after
        assert beside is not None
        begin, end = before.box[2] if before else left, after.box[0] if after else right
        wide = max(each.box[2] - each.box[0] for each in (before, after) if each)
        edges = sum(each is not None for each in (before, after))
        if end - begin > ROOM * wide + edges * usual:
            top, bottom = beside.box[1], beside.box[3]
            same = before is not None and after is not None and before.sku == after.sku
            found.append(((begin, top, end, bottom), beside.sku if same or edges == 1 else ""))
    return found


def _whole(row: ShelfRow, left: float, right: float) -> Box:
    """An empty row as a box."""
    heights = [y for _, y in row.corners]
    return (left, min(heights), right, max(heights))
