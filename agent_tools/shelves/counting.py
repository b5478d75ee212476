"""Counts the products on a picture of a shelf: looks, tells things apart, finds the rows, and adds up.

Whether something stands in a place is what is seen and nothing else. What should be there decides which products are
looked for, helps to tell look-alikes apart ("where onions should be, that white thing is an onion rather than an egg"),
and is compared with the counts afterwards (`expectations`). This module does not know conversations, files of lists,
or how a person is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agent_tools.certainty import bounds, chances, counted_with
from agent_tools.colours import colour_of
from agent_tools.masks import box_iou
from agent_tools.pictures import Picture, open_picture
from agent_tools.services.base import Detections, Detector
from agent_tools.shelves.appearance import Appearance
from agent_tools.shelves.expectations import as_planned, by_plan, compared_with, planned, row_number
from agent_tools.shelves.judging import Examples, counted_as, evidence, judged, product_chances
from agent_tools.shelves.looking import Things, look_closely, things_in, with_proposals
from agent_tools.shelves.openings import one_more, openings
from agent_tools.shelves.products import Example, Expected, Product, covers
from agent_tools.shelves.results import Box, Correction, ProductCount, ShelfCount, ShelfObject, ShelfRow, rounded
from agent_tools.shelves.rows import find_rows

UNLIKELY = 0.05
"""Chance below which a thing is not even a near miss."""
LIKELY = 0.5
"""Chance above which something in an opening is counted."""
SURE = 0.7
"""Confidence of a count below which a person should look."""
TRUST = 0.75
"""Power of the odds of a count: neighbours are right or wrong together, so that they say less than they seem to."""
PLANNED = {True: 60.0, None: 2.5, False: 1.0}
"""What the odds of a count are multiplied by: it is as expected, nothing is expected, it differs."""
BLIND = 0.5
"""Confidence at most of counts of a picture on which nothing was found, though something should be there."""
EMPTY = ("nothing was found on this picture",)
SAME_PLACE = 0.5
"""IoU from which a box that a person took away is the one that was counted."""


def count_shelf(
    picture: Picture,
    products: Sequence[Product],
    detector: Detector,
    *,
    store: str = "",
    shelf: str = "",
    closer: bool = True,
) -> ShelfCount:
    """Count; see `ShelfCount`.

    Products that are expected on other shelves alone are not looked for, as long as some are expected here.

    Args:
        picture: of a shelf.
        products: what may stand on it.
        detector: what looks.
        store: of the picture; which expectations hold.
        shelf: likewise.
        closer: whether parts of the picture are looked at closer where that pays.

    Raises:
        PictureError: an example cannot be opened.
        ServiceError: the detector failed.
    """
    wanted, expected = expected_here(products, store, shelf)
    phrases = list(dict.fromkeys(phrase for product in wanted for phrase in product.phrases))
    found = _looked(detector, picture, phrases, closer)
    propose = getattr(detector, "propose", None)
    unknown = _unknown(wanted, phrases, found, wordless=propose is not None)
    things, whole = things_in(found, len(phrases), detector.threshold), None
    if propose is not None and any(product.examples and not product.phrases for product in wanted):
        things, whole = with_proposals(things, propose([picture])[0])
    looks = Appearance.of(picture.array, things.boxes)
    rivals = _rivals(wanted)
    own = _by_words(wanted, phrases, things, whole, detector)
    judgement = judged(
        evidence(own, looks), looks, _examples(tuple(wanted)), _of_colour(picture, wanted, things), rivals
    )
    counted = counted_as(judgement, rivals).any(axis=1)
    rows = find_rows(picture.array, things.boxes[counted], _rows_expected(expected))
    row_of = rows.place(things.boxes)
    row_of[counted] = rows.row_of
    judgement = by_plan(judgement, row_of, planned(wanted, expected, len(rows.rows)), rivals)
    objects = _objects(wanted, things, judgement, counted_as(judgement, rivals), row_of)
    objects += _between(picture, objects, rows.slope)
    # Examples tell a product among what other words found, even where the detector has none for it.
    shown = {each.sku for each in objects if each.counted}
    unknown = {sku: why for sku, why in unknown.items() if sku not in shown}
    return _tallied(
        ShelfCount(picture.width, picture.height, rows.rows, tuple(objects), unknown=unknown),
        wanted,
        expected,
        found.saturated,
    )


def corrected(
    count: ShelfCount, correction: Correction, products: Sequence[Product], *, store: str = "", shelf: str = ""
) -> ShelfCount:
    """The same picture as a person has put it right: counts and findings made anew, nothing looked for again."""
    wanted, expected = expected_here(products, store, shelf)
    named = {sku for sku, _ in correction.added} - {product.sku for product in wanted}
    wanted += [product for product in products if product.sku in named]
    against = {
        product.sku: {product.sku, *(other.sku for other, rival in zip(wanted, row, strict=True) if rival)}
        for product, row in zip(wanted, _rivals(wanted), strict=True)
    }
    objects: list[ShelfObject] = []
    for each in count.objects:
        gone = any(_same(each, sku, box) for sku, box in correction.removed)
        replaced = any(
            _same(each, each.sku, box) and sku in against.get(each.sku, (sku,)) for sku, box in correction.added
        )
        if gone or replaced:
            each = replace(each, counted=False, chance=0.0, by="person")
        elif correction.confirmed:
            each = replace(each, chance=1.0 if each.counted else 0.0, by="person" if each.counted else each.by)
        objects.append(each)
    for sku, box in correction.added:
        objects.append(ShelfObject(sku, _row_of(box, count.rows), box, 1.0, 1.0, True, "person"))
    # Of what a person has put there, or has seen not to be there, the count is known, whatever the detector is not.
    told = {sku for sku, _ in correction.added} | (set(count.unknown) if correction.confirmed else set())
    unknown = {sku: why for sku, why in count.unknown.items() if sku not in told}
    fresh = replace(count, objects=tuple(objects), unknown=unknown)
    return _tallied(fresh, wanted, expected, count.saturated and not correction.confirmed, correction.confirmed)


def expected_here(
    products: Sequence[Product], store: str, shelf: str
) -> tuple[list[Product], dict[str, tuple[Expected, ...]]]:
    """The products to be looked for on a shelf, and what is expected of them there, by sku."""
    expected = {product.sku: product.expected_in(store, shelf) for product in products}
    wanted = [product for product in products if expected[product.sku] or not product.expected]
    return (wanted or list(products)), {sku: each for sku, each in expected.items() if each}


def _looked(detector: Detector, picture: Picture, phrases: list[str], closer: bool) -> Detections:
    if not phrases:
        return Detections.none()
    return look_closely(detector, picture, phrases) if closer else detector.detect([picture], [phrases])[0]


def _rivals(products: Sequence[Product]) -> NDArray[np.bool_]:
    """Which two products a thing cannot be both of, (P, P)."""
    pairs = [[a is not b and not covers(a, b) and not covers(b, a) for b in products] for a in products]
    return np.array(pairs, bool).reshape(len(products), len(products))


def _by_words(
    products: Sequence[Product],
    phrases: Sequence[str],
    things: Things,
    whole: NDArray[np.float32] | None,
    detector: Detector,
) -> NDArray[np.float64]:
    """The chance of each thing by the words of each product, (N, P); `whole` (N,) speaks for those without words."""
    sure = np.where(things.scores > 0, chances(things.scores, detector), 0.0)
    pairs = [(phrases.index(phrase), number) for number, product in enumerate(products) for phrase in product.phrases]
    own = product_chances(sure, pairs, len(products))
    if whole is not None:
        own[:, [not product.phrases and bool(product.examples) for product in products]] = whole[:, None]
    return own


def _of_colour(picture: Picture, products: Sequence[Product], things: Things) -> NDArray[np.bool_]:
    """Whether each thing may be each product by its colour, (N, P)."""
    fits = np.ones((len(things.boxes), len(products)), bool)
    asked = [number for number, product in enumerate(products) if product.colour]
    for row, box in enumerate(things.boxes.tolist() if asked else ()):
        seen = colour_of(picture.array, None, (box[0], box[1], box[2], box[3]))
        fits[row, asked] = [products[number].colour == seen for number in asked]
    return fits


@lru_cache(maxsize=64)
def _examples(products: tuple[Product, ...]) -> Examples | None:
    """What the examples of products look like; None where there are none."""
    shown = [(number, example) for number, product in enumerate(products) for example in product.examples]
    if not shown:
        return None
    looks = Appearance.of_all([_looks_of(example) for _, example in shown])
    belong = np.array([example.belongs for _, example in shown], bool)
    return Examples(looks, np.array([number for number, _ in shown], np.int64), belong)


@lru_cache(maxsize=4096)
def _looks_of(example: Example) -> Appearance:
    picture = _opened(example.picture)
    box = example.box or (0.0, 0.0, float(picture.width), float(picture.height))
    return Appearance.of(picture.array, np.array([box], np.float32))


@lru_cache(maxsize=4)
def _opened(address: str) -> Picture:
    """A picture of examples; several are mostly of one picture."""
    return open_picture(address)


def _unknown(products: Sequence[Product], phrases: Sequence[str], found: Detections, wordless: bool) -> dict[str, str]:
    """Products that were not looked for, and why; `wordless` detectors can do with examples alone."""
    why = {phrases[index]: reason for index, reason in found.unknown.items()}
    unknown = {}
    for product in products:
        if product.phrases and all(phrase in why for phrase in product.phrases):
            unknown[product.sku] = f"the detector {why[product.phrases[0]]}"
        elif not product.phrases and not product.examples:
            unknown[product.sku] = "it has no phrase to look for"
        elif not product.phrases and not wordless:
            unknown[product.sku] = "the detector cannot look for examples without a phrase"
    return unknown


def _objects(
    products: Sequence[Product],
    things: Things,
    judgement: NDArray[np.float64],
    counted: NDArray[np.bool_],
    row_of: NDArray[np.int64],
) -> list[ShelfObject]:
    """Each thing under the product that it is counted as, and as a near miss of every other one that it may be."""
    found = []
    for thing, (box, sure) in enumerate(zip(things.boxes.tolist(), judgement, strict=True)):
        for number in np.flatnonzero(sure >= UNLIKELY).tolist():
            found.append(
                ShelfObject(
                    products[number].sku,
                    int(row_of[thing]),
                    rounded(box),
                    round(float(things.scores[thing].max(initial=0.0)), 4),
                    round(float(sure[number]), 4),
                    bool(counted[thing, number]),
                    "example" if any(each.belongs for each in products[number].examples) else "words",
                )
            )
    return found


def _between(picture: Picture, objects: Sequence[ShelfObject], slope: float) -> list[ShelfObject]:
    """What the openings of the rows may hold that looks like what stands beside them."""
    as_what: dict[Box, list[ShelfObject]] = {}
    for each in objects:
        if each.counted:
            as_what.setdefault(each.box, []).append(each)
    if not as_what:
        return []
    counted = [some[0] for some in as_what.values()]
    boxes = np.array(list(as_what), np.float32)
    looks = Appearance.of(picture.array, boxes)
    kinds = np.unique([each.sku for each in counted], return_inverse=True)[1]
    found = []
    for row in sorted({each.row for each in counted}):
        mine = [index for index, each in enumerate(counted) if each.row == row]
        for opening in openings(boxes, mine, 0.0, float(picture.width)):
            for more in one_more(picture.array, boxes, looks, kinds, opening, slope):
                for like in as_what[counted[more.like].box]:
                    chance = round(more.chance * like.chance, 4)
                    if chance >= UNLIKELY:
                        box, counts = rounded(more.box), chance > LIKELY
                        found.append(replace(like, box=box, chance=chance, counted=counts, by="neighbour"))
    return found


def _tallied(
    count: ShelfCount,
    products: Sequence[Product],
    expected: Mapping[str, Sequence[Expected]],
    saturated: bool,
    seen: bool = False,
) -> ShelfCount:
    """The same with counts and findings made from its objects; `seen` by a person, who says that all is right."""
    counts: list[ProductCount] = []
    for product in products:
        sku, many = product.sku, len(count.rows)
        mine = [each for each in count.objects if each.sku == sku]
        wanted = expected.get(sku, ())
        homes = {row_number(each, many) for each in wanted} | {each.row for each in mine if each.counted}
        for row in (0, *sorted(homes - {0})):
            some = [each for each in mine if row in (0, each.row)]
            agrees = as_planned(sku, row, wanted, mine, many)
            counts.append(_counted(sku, row, some, agrees, saturated, count.unknown.get(sku, "")))
    if expected and not seen and not any(each.counted for each in count.objects):
        counts = [replace(each, confidence=min(each.confidence, BLIND), review=True, why=EMPTY) for each in counts]
    findings = compared_with(products, expected, count.objects, count.rows, count.unknown)
    return replace(count, counts=tuple(counts), findings=findings)


def _counted(
    sku: str, row: int, objects: Sequence[ShelfObject], agrees: bool | None, saturated: bool, unknown: str
) -> ProductCount:
    """One count; `agrees` with what is expected, None: nothing is."""
    hits = [each.chance for each in objects if each.counted]
    others = [each.chance for each in objects if not each.counted]
    low, high = bounds(hits, others)
    exactly = float(counted_with([*hits, *others])[len(hits)])
    if unknown:
        return ProductCount(sku, row, 0, 0, 0, 0.0, saturated, True, (f"not looked for: {unknown}",))
    confidence = exactly if all(chance in (0.0, 1.0) for chance in (*hits, *others)) else _confidence(exactly, agrees)
    why = ["the detector ran out of room: there may be more"] if saturated else []
    if confidence < SURE:
        weak, near = sum(chance < SURE for chance in hits), sum(chance >= 1 - SURE for chance in others)
        reasons = [f"{weak} counted {'is' if weak == 1 else 'are'} doubtful"] * bool(weak)
        reasons += [f"there may be {near} more"] * bool(near)
        differs = "it is not quite as expected, and not quite sure"
        why += [" and ".join(reasons) or (differs if agrees is False else "it is not quite sure")]
    return ProductCount(sku, row, len(hits), low, high, round(confidence, 4), saturated, bool(why), tuple(why))


def _confidence(exactly: float, agrees: bool | None) -> float:
    """The chance that a count is right: by its things, and by being as expected, which it seldom is by chance."""
    inside = min(max(exactly, 0.01), 0.99)
    odds = float((inside / (1 - inside)) ** TRUST * PLANNED[agrees])
    return odds / (1 + odds)


def _rows_expected(expected: Mapping[str, Sequence[Expected]]) -> int:
    """How many rows a shelf has by what is expected; 0: it does not say."""
    return max((abs(each.row) for some in expected.values() for each in some if each.row is not None), default=0)


def _same(thing: ShelfObject, sku: str, box: Box) -> bool:
    """Whether a thing is the one of a product in a box."""
    return thing.sku == sku and bool(box_iou(_array(thing.box), _array(box))[0, 0] >= SAME_PLACE)


def _array(box: Box) -> NDArray[np.float32]:
    return np.array([box], np.float32)


def _row_of(box: Box, rows: Sequence[ShelfRow]) -> int:
    """The row in which a box stands: the one whose middle is nearest to its own; 0 without rows."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2

    def distance(row: ShelfRow) -> float:
        (x0, top), (x1, top_right), (_, bottom_right), (_, bottom) = row.corners
        share = (x - x0) / max(x1 - x0, 1e-6)
        return abs(y - (top + bottom + share * (top_right + bottom_right - top - bottom)) / 2)

    return min(rows, key=distance).number if rows else 0
