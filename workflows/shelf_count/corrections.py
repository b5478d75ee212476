"""What people put right, as examples for the next run, and examples from afar brought near.

This module does not know how examples are used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path, PurePosixPath

from agent_tools.shelves.products import Example, Product
from agent_tools.shelves.results import Box
from workflows.shelf_count.addresses import is_remote, read
from workflows.shelf_count.drawings import same_box
from workflows.shelf_count.results_kept import PictureResult
from workflows.shelf_count.store import RunStore
from workflows.shelf_count.whole_files import whole_file

MOST = 6
"""Examples of a product that are taken, and as many again of what must not be taken for it."""
_Ranked = tuple[tuple[int, float], Example]


def examples_from(run_folder: Path, most: int = MOST) -> dict[str, tuple[Example, ...]]:
    """A person's corrections in a run as examples for the next one.

    What was added belongs to its product, and so does what was counted and confirmed; what was removed does not. Of a
    product at most `most` that belong are taken and `most` that do not: what the models missed before what they saw
    rightly, the least sure first, and from as many pictures as possible, the last ones of the run first.

    Raises:
        ConfigError: there is no run in the folder.
    """
    with RunStore.open(run_folder) as store:
        return examples_in(store.results(), most)


def examples_in(results: Iterable[PictureResult], most: int = MOST) -> dict[str, tuple[Example, ...]]:
    """The same of results."""
    kept: dict[tuple[str, bool], list[list[_Ranked]]] = defaultdict(list)
    for result in results:
        mine: dict[tuple[str, bool], list[_Ranked]] = defaultdict(list)
        for sku, rank, example in _of(result):
            mine[sku, example.belongs].append((rank, example))
        for key, found in mine.items():
            found.sort(key=lambda pair: pair[0])
            kept[key] = [*kept[key], found[:most]][-most:]  # earlier pictures give way to later ones
    chosen: dict[str, list[Example]] = defaultdict(list)
    for (sku, _), pictures in sorted(kept.items(), key=lambda pair: (pair[0][0], not pair[0][1])):
        chosen[sku] += [example for example, _ in zip(_in_turn(pictures[::-1]), range(most), strict=False)]
    return {sku: tuple(examples) for sku, examples in chosen.items()}


def brought_near(products: Sequence[Product], folder: Path) -> tuple[Product, ...]:
    """The same products with the pictures of their examples on this machine.

    Args:
        products: as listed; paths of this machine stay as they are.
        folder: where pictures from elsewhere are put, each once; made where one is.

    Raises:
        ConfigError: the folder cannot be written.
        PictureError: a picture cannot be read.
    """
    near: dict[str, str] = {}
    for address in dict.fromkeys(example.picture for product in products for example in product.examples):
        if is_remote(address):
            data = read(address)
            path = folder / f"{sha256(data).hexdigest()[:32]}{PurePosixPath(address).suffix}"
            with whole_file(path) as draft:
                draft.write_bytes(data)
            near[address] = str(path.absolute())
    return tuple(
        replace(
            product,
            examples=tuple(replace(one, picture=near.get(one.picture, one.picture)) for one in product.examples),
        )
        for product in products
    )


def _of(result: PictureResult) -> Iterator[tuple[str, tuple[int, float], Example]]:
    """sku, rank (the lowest teaches most) and example, of one picture."""
    correction, address = result.correction, result.picture.address
    if correction is None or result.same_as:
        return
    for sku, box in correction.added:
        yield sku, (0, 0.0), Example(address, box)
    for sku, box in correction.removed:
        yield sku, (0, 0.0), Example(address, box, belongs=False)
    if correction.confirmed and result.count is not None:
        for each in result.count.objects:
            if each.counted and not _among((each.sku, each.box), correction.removed):
                yield each.sku, (1, each.chance), Example(address, each.box)


def _among(thing: tuple[str, Box], others: Iterable[tuple[str, Box]]) -> bool:
    return any(thing[0] == sku and same_box(thing[1], box) for sku, box in others)


def _in_turn(pictures: list[list[_Ranked]]) -> Iterator[Example]:
    """The best of each picture, then the second best of each, and so on."""
    for place in range(max(map(len, pictures), default=0)):
        yield from (found[place][1] for found in pictures if place < len(found))
