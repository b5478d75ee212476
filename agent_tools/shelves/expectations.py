"""Compares what stands on a shelf with what should: missing, surplus, in the wrong row, and empty places.

This module does not know pictures, detectors or how a thing was found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agent_tools.certainty import counted_with
from agent_tools.shelves.judging import together
from agent_tools.shelves.openings import openings
from agent_tools.shelves.products import Expected, Product
from agent_tools.shelves.results import Box, Finding, ShelfObject, ShelfRow, rounded

FLAGGED = 0.9
"""Confidence from which a difference is told; a less certain one is a doubtful count, for a person to look at."""
ODD = 0.99
"""The same of a difference that does not add up; see `_adds_up`."""
EMPTY = 0.5
"""Confidence from which an empty place is told."""
STRAY = 0.3
"""Things of each product that may stand in a row by mistake, beside the number that a plan has there."""


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


def by_plan(
    chances: NDArray[np.float64],
    row_of: NDArray[np.int64],
    plan: NDArray[np.float64],
    rivals: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """Chances of things to be products, (N, P), where a plan helps to tell look-alikes apart.

    Which product a thing is, is weighed by how many of each the plan has in its row, and `STRAY` of every other one.
    That something is there at all stays as likely as it was.

    Args:
        chances: (N, P) in [0, 1].
        row_of: (N,), the row of each thing, 0 for none.
        plan: (rows + 1, P), as from `planned`.
        rivals: (P, P), which two products a thing cannot be both of; None: any two.
    """
    if not plan.any() or not chances.size:
        return chances
    weighed = chances * (plan[row_of] + STRAY)
    there, total = together(chances, rivals), together(weighed, rivals)
    return np.asarray(weighed * there / np.maximum(total, 1e-12), np.float64)


def as_planned(
    sku: str, row: int, expected: Sequence[Expected], objects: Sequence[ShelfObject], rows: int
) -> bool | None:
    """Whether a product's count is as expected, in one row or, for 0, in every row; None where nothing is expected."""
    wanted = [each for each in expected if row in (0, row_number(each, rows))]
    if not wanted:
        return None if not expected or (row and any(each.row is None for each in expected)) else False
    homes = {row_number(each, rows) for each in wanted}
    strays = any(each.sku == sku and each.counted and each.row not in homes for each in objects)
    right = (not _outside(sku, row_number(each, rows), each, objects) for each in wanted)
    return all(right) and not (row == 0 and 0 not in homes and strays)


def _outside(sku: str, row: int, expected: Expected, objects: Sequence[ShelfObject]) -> bool:
    n = sum(each.counted for each in objects if each.sku == sku and row in (0, each.row))
    return n < expected.low or (expected.high is not None and n > expected.high)


def compared_with(
    products: Sequence[Product],
    expected: Mapping[str, Sequence[Expected]],
    objects: Sequence[ShelfObject],
    rows: Sequence[ShelfRow],
    unknown: Mapping[str, str],
) -> tuple[Finding, ...]:
    """The differences that are sure enough to be told, surest first; none where nothing is expected.

    Args:
        products: that were looked for.
        expected: sku → what should be on this shelf.
        objects: what was counted, and near misses.
        rows: of the shelf.
        unknown: products that were not looked for; nothing is missing of what nobody looked for.
    """
    if not expected:
        return ()
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
    found = [
        finding
        for finding in found
        if finding.confidence >= (FLAGGED if _adds_up(finding, expected, objects, len(rows)) else ODD)
    ]
    missing = {finding.row: finding.sku for finding in found if finding.kind == "missing"}
    found += [gap for gap in _gaps(objects, rows, missing) if gap.confidence >= EMPTY]
    return tuple(sorted(found, key=lambda finding: (-finding.confidence, finding.row, finding.sku, finding.kind)))


def _adds_up(
    finding: Finding, expected: Mapping[str, Sequence[Expected]], objects: Sequence[ShelfObject], rows: int
) -> bool:
    """Whether a difference leaves the traces that it should.

    What is gone leaves its row short of things, unless it stands in another one. What is too much makes its row too
    full, unless it is missing elsewhere. Where neither holds, things were rather taken for their look-alikes.
    """
    fewest, most, n = _in_all(finding.row, tuple(expected), expected, objects, rows)
    own_fewest, own_most, own = _in_all(0, (finding.sku,), expected, objects, rows)
    if finding.kind == "missing":
        return n < fewest or own >= own_fewest
    return n > most or own <= own_most


def _in_all(
    row: int,
    skus: Sequence[str],
    expected: Mapping[str, Sequence[Expected]],
    objects: Sequence[ShelfObject],
    rows: int,
) -> tuple[float, float, int]:
    """Fewest, most and number of things of some products, in a row or, for 0, on the whole shelf."""
    wanted = [each for sku in skus for each in expected[sku] if row in (0, row_number(each, rows))]
    most = sum(float("inf") if each.high is None else each.high for each in wanted)
    n = sum(each.counted for each in objects if each.sku in skus and row in (0, each.row))
    return sum(each.low for each in wanted), most, n


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
    boxes = np.array([each.box for each in counted], np.float32)
    left, right = float(boxes[:, 0].min()), float(boxes[:, 2].max())
    found: list[Finding] = []
    for row in rows:
        mine = [index for index, each in enumerate(counted) if each.row == row.number]
        near = [each for each in objects if each.row == row.number and not each.counted]
        if not mine:
            found.append(_gap(missing.get(row.number, ""), row.number, _whole(row, left, right), near))
        for opening in openings(boxes, mine, left, right):
            beside = [counted[index] for index in opening.beside[:2]]
            box = (
                opening.left,
                min(each.box[1] for each in beside),
                opening.right,
                max(each.box[3] for each in beside),
            )
            same = len({each.sku for each in beside}) == 1
            found.append(_gap(beside[0].sku if same else "", row.number, box, near))
    return found


def _gap(sku: str, row: int, box: Box, near: Sequence[ShelfObject]) -> Finding:
    """An empty place; the likelier something unseen stands in it, the less sure it is."""
    inside = [each.chance for each in near if box[0] < (each.box[0] + each.box[2]) / 2 < box[2]]
    return Finding("gap", sku, row, None, 0, round(1 - max(inside, default=0.0), 4), rounded(box))


def _whole(row: ShelfRow, left: float, right: float) -> Box:
    """An empty row as a box."""
    heights = [y for _, y in row.corners]
    return (left, min(heights), right, max(heights))
