"""The tool that counts the products on a shelf, and compares them with a product list.

It keeps what was counted under handles, like any other tool. This module does not know how a shelf is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pydantic import Field

from agent_tools.certainty import DOUBTFUL
from agent_tools.errors import shorten
from agent_tools.memory import ObjectVersion
from agent_tools.shelves.products import Product, ProductList
from agent_tools.shelves.results import Finding, ProductCount, ShelfCount, ShelfObject
from agent_tools.tools.arguments import Arguments, Names
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.finding import Found, chance_of, cut_out, maker, reading, recognise, remember
from agent_tools.tools.product_sources import products_of
from agent_tools.tools.wording import compact, not_asked, results

_MOST_FINDINGS = 12
"""Differences told a planner; programs get them all."""


class CountShelfArguments(Arguments):
    """What to count on a shelf."""

    products: Names | None = Field(None, description="A list's name, or phrases. Default: the only list.")
    picture: str | None = None


def count_shelf(context: ToolContext, arguments: CountShelfArguments) -> ToolResult:
    """Count a shelf by row, against a product list: "what is missing?". Selects what it counted."""
    from agent_tools.shelves import counting  # brings OpenCV

    picture = context.opened(arguments.picture).handle
    products = products_of(arguments.products, _last_list(context), context.settings)
    detector = context.services.detector
    context.tell("counting the shelf")
    store, shelf = _place(products.products)
    pixels = context.turn.picture(picture)
    count = counting.count_shelf(pixels, products.products, detector, store=store, shelf=shelf)
    labels = labels_of(products.products)
    things = _found(context, picture, products, count, labels)
    found = recognise(context, cut_out(context, picture, things))
    objects = remember(context, reading(found, list(dict.fromkeys(labels.values()))), maker(context))
    context.turn.use_picture(picture)
    context.turn.select([thing.handle for thing in objects])
    return _told(context, picture, products, count, objects)


def labels_of(products: Sequence[Product]) -> dict[str, str]:
    """What the things of each product are called, by its sku: its first phrase, or its name where that is taken."""
    labels: dict[str, str] = {}
    for product in products:
        names = (*product.phrases[:1], product.name.lower(), product.sku.lower())
        labels[product.sku] = next((name for name in names if name and name not in labels.values()), product.sku)
    return labels


def _place(products: Sequence[Product]) -> tuple[str, str]:
    """The store and shelf that a list is about, where it is about one; nobody says of a single picture where it was
    taken.
    """
    stores = {each.store for product in products for each in product.expected} - {""}
    shelves = {each.shelf for product in products for each in product.expected} - {""}
    return stores.pop() if len(stores) == 1 else "", shelves.pop() if len(shelves) == 1 else ""


def _elsewhere(products: Sequence[Product]) -> list[str]:
    """The shelves that a list says something of, where it cannot be known whether this is one of them; else none."""
    place = _place(products)
    said = [each for product in products for each in product.expected]
    if any(product.expected_in(*place) for product in products):
        return []
    return list(dict.fromkeys(" ".join(filter(None, (each.store, each.shelf))) for each in said))


def _last_list(context: ToolContext) -> str | None:
    """Name of the list that the things on a shelf were last counted by."""
    lists = [prompt["products"] for thing in _newest(context) for prompt in thing.prompts if prompt.get("products")]
    return str(lists[0]) if lists else None


def _newest(context: ToolContext) -> list[ObjectVersion]:
    return sorted(context.state.objects.values(), key=lambda thing: -thing.turn)


def _found(
    context: ToolContext, picture: str, products: ProductList, count: ShelfCount, labels: Mapping[str, str]
) -> list[Found]:
    """What was counted, as things that can be kept."""
    threshold = round(float(context.services.detector.threshold), 4)
    return [
        Found(
            picture,
            labels[each.sku],
            each.score,
            each.box,
            context.state.turn_number,
            (
                _how(each, labels, threshold),
                {"box": [round(side, 2) for side in each.box]},
                {"shelf_row": each.row, "shelf_rows": len(count.rows), "products": products.name},
            ),
            review=each.chance < DOUBTFUL,
        )
        for each in count.objects
        if each.counted
    ]


def _how(thing: ShelfObject, labels: Mapping[str, str], threshold: float) -> dict[str, Any]:
    """What it was found by, for whoever asks why; a score has a threshold where words alone decided."""
    told = {"phrase": labels[thing.sku], "chance": round(thing.chance, 4)}
    return {**told, "threshold": threshold} if thing.by == "words" else told


def _told(
    context: ToolContext, picture: str, products: ProductList, count: ShelfCount, objects: Sequence[ObjectVersion]
) -> ToolResult:
    labels, elsewhere = labels_of(products.products), _elsewhere(products.products)
    expected = not elsewhere and any(each.expected for each in products.products)
    counts = {labels[each.sku]: _counted(each, objects, labels, count) for each in count.counts if each.row == 0}
    unknown = {labels[sku]: why for sku, why in count.unknown.items()}
    services = context.services
    said, extra = not_asked(unknown, services.detector_name, getattr(services.detector, "nouns", ()))
    parts = [
        f"{products.name or 'Shelf'} on {picture}, {len(count.rows)} row{'s' * (len(count.rows) != 1)}",
        *(_in_rows(label, sku, count, objects) for sku, label in labels.items() if sku not in count.unknown),
        said,
        *(_difference(each, labels) for each in count.findings[:_MOST_FINDINGS]),
        f"{len(count.findings) - _MOST_FINDINGS} more differences" if len(count.findings) > _MOST_FINDINGS else "",
        "All as expected" if expected and not count.findings else "",
        f"Not compared: the list is about {shorten(', '.join(elsewhere))}" if elsewhere else "",
        *(f"Note: {notice}" for notice in products.notices[:3]),
    ]
    shelf = {
        "products": products.name,
        "expected": expected,
        "elsewhere": elsewhere,
        "findings": [{**asdict(each), "label": labels.get(each.sku, "")} for each in count.findings],
        "rows": [asdict(row) for row in count.rows],
        "counts": [{**asdict(each), "label": labels[each.sku]} for each in count.counts],
        "notices": list(products.notices),
    }
    selection = context.state.selection
    return results(parts, objects, counts=counts, shelf=shelf, picture=picture, selection=selection, **extra)


def _counted(
    count: ProductCount, objects: Iterable[ObjectVersion], labels: Mapping[str, str], whole: ShelfCount
) -> dict[str, Any]:
    """A count as programs get it, shaped as that of the tool `count`."""
    label = labels[count.sku]
    doubtful = [thing.handle for thing in objects if thing.label == label and chance_of(thing) < DOUBTFUL]
    unknown = {"unknown": whole.unknown[count.sku]} if count.sku in whole.unknown else {}
    bounds = {"n": count.n, "low": count.low, "high": count.high}
    return {**bounds, "borderline": doubtful, "saturated": count.saturated, **unknown}


def _in_rows(label: str, sku: str, count: ShelfCount, objects: Sequence[ObjectVersion]) -> str:
    """A product's counts in few words: ``6 orange: m1-m6 (low 5, high 6; row 1 4, row 2 2)``."""
    mine = [each for each in count.counts if each.sku == sku]
    whole = next((each for each in mine if each.row == 0), None)
    if whole is None:
        return f"0 {label}"
    rows = [f"row {each.row} {_number(each)}" for each in mine if each.row]
    doubts = [
        f"look at {f'row {each.row}' if each.row else label}: {', '.join(each.why)}" for each in mine if each.review
    ]
    more = ["saturated: there may be more"] if whole.saturated else []
    things = [thing for thing in objects if thing.label == label]
    handles = f": {compact(thing.handle for thing in things)}" if things else ""
    return f"{whole.n} {label}{handles} ({'; '.join([f'low {whole.low}, high {whole.high}', *rows, *doubts, *more])})"


def _number(count: ProductCount) -> str:
    return f"{count.n}" if count.low == count.high == count.n else f"{count.n} ({count.low}-{count.high})"


def _difference(finding: Finding, labels: Mapping[str, str]) -> str:
    """A difference in few words: ``Missing in row 2: orange, 4 of 6``."""
    place = f" in row {finding.row}" if finding.row else ""
    label = labels.get(finding.sku, "")
    if finding.kind == "gap":
        return f"Gap{place}" + (f": {label}" if label else "")
    low, high = finding.expected or (0, 0)
    expected = str(low) if low == high else f"{low} or more" if high is None else f"{low}-{high}"
    found = f"{finding.found} of {expected}" if finding.expected else str(finding.found)
    return f"{finding.kind.capitalize()}{place}: {label}, {found}"
