"""``report.html``: one page that says what a run found, and asks for nothing beyond itself.

All pictures are in it as compact data that the page shows a few at a time; a bounded number of them are drawn. It is
written as it is made, so that its size does not matter to memory. This module does not know how a run is kept.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from agent_tools.errors import ConfigError, PictureError, ServiceError
from agent_tools.pictures import Picture
from agent_tools.services.base import Segmenter, Services
from workflows.shelf_count import addresses
from workflows.shelf_count.drawings import draw_shelf
from workflows.shelf_count.pages import as_json, assemble
from workflows.shelf_count.report_data import ReportData
from workflows.shelf_count.settled import ReadableStore, settled, wants_review
from workflows.shelf_count.whole_files import whole_file

DRAWN = 60
"""Pictures that are drawn in the page."""
ROOM_BYTES = 8_000_000
"""Size of all drawings together, as they stand in the page."""


@dataclass(order=True, slots=True)
class _Rank:
    """What a picture is chosen for drawing by."""

    doubt: float
    findings: int
    place: int = field(compare=False)
    address: str = field(compare=False)
    review: bool = field(compare=False)


@dataclass(slots=True)
class _Pens:
    """What masks are made by, until it fails; and what a person is told of that."""

    segmenter: Segmenter | None
    notices: list[str]


def write_report(
    folder: Path,
    store: ReadableStore,
    services: Services | None,
    *,
    open_one: Callable[[str], Picture] | None = None,
    drawn: int = DRAWN,
    room_bytes: int = ROOM_BYTES,
) -> Path:
    """Write ``report.html``; an earlier one stays until the new one is whole.

    Args:
        folder: of the run.
        store: what was counted, and what people put right.
        services: whose segmenter makes the masks that are drawn; None: boxes are drawn.
        open_one: opens a picture by its address; None: whatever a run can count.
        drawn: most pictures to draw: the most doubtful, those with differences, and an even sample of the others.
        room_bytes: most bytes of drawings in the page.

    Raises:
        ConfigError: the file cannot be written.
    """
    path = folder / "report.html"
    products = store.products
    before, after = assemble("report", "img-src data: file: 'self'")
    data = ReportData(folder, products.products)
    notices = list(products.notices)
    ranks: list[_Rank] = []
    with whole_file(path) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(before)
        file.write('{"pictures":[')
        for place, result in enumerate(store.results()):
            count = settled(result, products.products)
            file.write(("," if place else "") + "\n" + as_json(data.picture(result, count)))
            if count is not None and not result.same_as:
                review = wants_review(result, count)
                ranks.append(_Rank(count.doubt, len(count.findings), place, result.picture.address, review))
        file.write('],\n"drawings":{')
        pens = _Pens(None if services is None else services.segmenter, notices)
        _write_drawings(file, _worth_drawing(ranks, drawn), store, pens, open_one or _opened, room_bytes)
        told = {"list": products.name, "models": store.models, "run": str(folder), "notices": notices}
        file.write("},\n" + as_json({**told, **data.shared()})[1:])
        file.write(after)
    return path


def _worth_drawing(ranks: Sequence[_Rank], most: int) -> list[_Rank]:
    """A third each for the doubtful, for those with differences, and for an even sample of all; then by doubt."""
    doubtful = sorted((each for each in ranks if each.review), reverse=True)
    different = sorted((each for each in ranks if each.findings), key=lambda each: (-each.findings, -each.doubt))
    step = max(1, len(ranks) // max(1, most))
    chosen: dict[int, _Rank] = {}
    for group, room in ((doubtful, most // 3), (different, 2 * most // 3), (ranks[::step], most), (doubtful, most)):
        for each in group:
            if len(chosen) >= room:
                break
            chosen.setdefault(each.place, each)
    return sorted(chosen.values(), key=lambda each: (-each.doubt, each.place))


def _write_drawings(
    file: IO[str],
    chosen: Sequence[_Rank],
    store: ReadableStore,
    pens: _Pens,
    open_one: Callable[[str], Picture],
    room: int,
) -> None:
    written = False
    for place, told in _drawings(chosen, store, pens, open_one):
        entry = f'{"," if written else ""}\n"{place}":{as_json(told)}'
        room -= len(entry)
        if room < 0:
            pens.notices.append("Some pictures are not drawn: the drawings had reached the size that a page can carry.")
            return
        file.write(entry)
        written = True


def _drawings(
    chosen: Sequence[_Rank], store: ReadableStore, pens: _Pens, open_one: Callable[[str], Picture]
) -> Iterator[tuple[int, list[Any]]]:
    """Place of a picture and its drawing: [data address, width, height, numbers of each product]."""
    products = store.products.products
    places = {product.sku: place for place, product in enumerate(products)}
    unread = 0
    for each in chosen:
        result = store.result(each.address)
        count = settled(result, products)
        assert count is not None  # only counted pictures are chosen
        try:
            picture = open_one(each.address)
            try:
                drawing = draw_shelf(picture, count, result.correction, products, pens.segmenter)
            except ServiceError as error:
                pens.notices.append(f"Drawn without masks, as the segmenter failed: {error}")
                pens.segmenter = None
                drawing = draw_shelf(picture, count, result.correction, products, None)
        except (PictureError, ConfigError):  # moved, damaged, or its driver is not installed here
            unread += 1
            continue
        source = "data:image/jpeg;base64," + base64.b64encode(drawing.jpeg).decode()
        numbers = [[places.get(sku, 0), first, last] for sku, first, last in drawing.numbers]
        yield each.place, [source, drawing.width, drawing.height, numbers]
    if unread:
        pens.notices.append(f"{unread} pictures could not be opened any more, and are not drawn.")


def _opened(address: str) -> Picture:
    return Picture.from_bytes(addresses.read(address))
