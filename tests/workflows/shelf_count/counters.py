"""Counters that stand in for the models, in a module that worker processes can import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent_tools.errors import ServiceError
from agent_tools.pictures import Picture
from agent_tools.shelves.products import Product
from agent_tools.shelves.results import ProductCount, ShelfCount


def count_width(
    picture: Picture, products: Sequence[Product], _: Any, *, store: str = "", shelf: str = ""
) -> ShelfCount:
    """As many of everything as the picture is wide; takes down what it was asked, where it is told to."""
    if log := os.environ.get("COUNTED_LOG"):
        with Path(log).open("a") as file:
            file.write(f"{picture.name} {os.getpid()}\n")
    time.sleep(float(os.environ.get("COUNT_SECONDS", "0")))
    counts = []
    for product in products:
        why = tuple(f"{each.low} expected" for each in product.expected_in(store, shelf))
        counts.append(ProductCount(product.sku, 0, picture.width, picture.width - 1, picture.width + 1, 0.5, why=why))
    return ShelfCount(picture.width, picture.height, counts=tuple(counts))


def die_over_thirteen(picture: Picture, products: Sequence[Product], detector: Any, **where: str) -> ShelfCount:
    """Takes its process with it over a picture that is 13 wide."""
    if picture.width == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return count_width(picture, products, detector, **where)


def die_once(picture: Picture, products: Sequence[Product], detector: Any, **where: str) -> ShelfCount:
    """Takes its process with it, the first time only."""
    mark = Path(os.environ["DIED_MARK"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return count_width(picture, products, detector, **where)


def fail_always(*_: Any, **__: str) -> ShelfCount:
    """A model that is broken."""
    raise ServiceError("detector=x is broken: expected a result. Mend it.")


def fail_over_thirteen(picture: Picture, products: Sequence[Product], detector: Any, **where: str) -> ShelfCount:
    """A defect that shows on one picture."""
    if picture.width == 13:
        raise ValueError("a defect\nof two lines")
    return count_width(picture, products, detector, **where)


def remove_the_last(picture: Picture, products: Sequence[Product], detector: Any, **where: str) -> ShelfCount:
    """With the first picture the files of the last ten go: who has read them already shows it."""
    if picture.name == "0.png":
        folder = Path(os.environ["PICTURES"])
        for number in range(50, 60):
            (folder / f"{number}.png").unlink()
    return count_width(picture, products, detector, **where)
