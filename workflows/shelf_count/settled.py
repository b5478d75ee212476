"""What is shown of a picture: the models' counts, or, where a person has put something right, the counts made anew.

Every table and page takes its numbers from here, so that a correction reaches all of them or none. This module does not
know files, tables or pages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from agent_tools.shelves import counting
from agent_tools.shelves.products import Product, ProductList
from agent_tools.shelves.results import Correction, ProductCount, ShelfCount
from workflows.shelf_count.results_kept import PictureResult


class ReadableStore(Protocol):
    """What tables and the report need of a run; `workflows.shelf_count.store.RunStore` is one."""

    @property
    def products(self) -> ProductList:
        """What was looked for."""
        ...

    @property
    def models(self) -> dict[str, str]:
        """What looked: "preset", "detector", "segmenter"."""
        ...

    def results(self) -> Iterator[PictureResult]:
        """Of every picture, in the order of the pictures, one after the other."""
        ...

    def result(self, address: str) -> PictureResult:
        """Of one picture."""
        ...


class CorrectableStore(ReadableStore, Protocol):
    """A run that takes a person's corrections."""

    def correct(self, address: str, correction: Correction | None) -> None:
        """Keep what a person put right, durably, or take it back."""
        ...


def settled(result: PictureResult, products: Sequence[Product]) -> ShelfCount | None:
    """The count to be shown of a picture; None where it could not be counted."""
    return with_correction(result, result.correction, products)


def with_correction(
    result: PictureResult, correction: Correction | None, products: Sequence[Product]
) -> ShelfCount | None:
    """The same with another correction than the one that is kept, to show what it would come to."""
    if result.count is None or correction is None:
        return result.count
    picture = result.picture
    return counting.corrected(result.count, correction, products, store=picture.store, shelf=picture.shelf)


def reasons(count: ShelfCount, names: Mapping[str, str]) -> tuple[str, ...]:
    """Why a person should look at a picture, each reason once; empty where nobody needs to.

    Of a product what is said of the whole picture, else of its rows; with its name where several are doubtful.
    """
    doubtful = {sku: [each for each in some if each.review] for sku, some in _by_product(count).items()}
    doubtful = {sku: some for sku, some in doubtful.items() if some}
    told: dict[str, None] = {}
    for sku, some in doubtful.items():
        name = f"{names.get(sku, sku)}: " if len(doubtful) > 1 else ""
        for each in [one for one in some if one.row == 0] or some:
            row = f"row {each.row}: " if each.row else ""
            told |= dict.fromkeys(f"{name}{row}{reason}" for reason in each.why)
    return tuple(told)


def _by_product(count: ShelfCount) -> dict[str, list[ProductCount]]:
    found: dict[str, list[ProductCount]] = {}
    for each in count.counts:
        found.setdefault(each.sku, []).append(each)
    return found


def wants_review(result: PictureResult, count: ShelfCount | None) -> bool:
    """Whether a picture belongs into the queue: something is doubtful, and nobody has said that it is right."""
    seen = result.correction is not None and result.correction.confirmed
    return count is not None and not seen and not result.same_as and any(each.review for each in count.counts)


def names_of(products: Sequence[Product]) -> dict[str, str]:
    """What people call each product, by its sku."""
    return {product.sku: product.name or product.sku for product in products}


def in_all(count: ShelfCount) -> dict[str, ProductCount]:
    """The count for the whole picture by sku; without those that the detector was not asked for."""
    return {each.sku: each for each in count.counts if each.row == 0 and each.sku not in count.unknown}


def place_of(folder: Path, address: str) -> str:
    """Where a page in `folder` finds a picture: a relative or file address, or the web's; "" where no browser can.

    A relative one keeps working when the folder is moved together with its pictures.
    """
    scheme = urlsplit(address).scheme.lower()
    if scheme in ("http", "https"):
        return address
    if scheme == "file":
        address = url2pathname(urlsplit(address).path)
    elif len(scheme) > 1:  # one letter is a drive of Windows
        return ""
    path = Path(address).absolute()
    try:
        near = Path(os.path.relpath(path, folder.absolute())).as_posix()
    except ValueError:  # another drive of Windows
        return path.as_uri()
    return quote(os.fsencode(near))
