"""Products: what to look for on a shelf, by words or by example, and how many of it should stand where.

This module does not know pictures, models or counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent_tools.services.phrases import narrows
from agent_tools.shelves.results import Box


@dataclass(frozen=True, slots=True)
class Expected:
    """How many of a product should stand somewhere.

    Attributes:
        low: fewest.
        high: most; None: as many as there are.
        row: which shelf row, 1 the top one, -1 the bottom one; None: anywhere on the shelf.
        store: only in pictures of this store; empty: of any.
        shelf: only in pictures of this shelf; empty: of any.
    """

    low: int
    high: int | None
    row: int | None = None
    store: str = ""
    shelf: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """What a product looks like, or what must not be taken for it.

    Attributes:
        picture: path or address of a picture.
        box: where on it, xyxy in pixels; None: the picture is the crop.
        belongs: False for a thing that was taken for the product and is not.
    """

    picture: str
    box: Box | None = None
    belongs: bool = True


@dataclass(frozen=True, slots=True)
class Product:
    """One product.

    Attributes:
        sku: its number, unique in a list.
        phrases: what it is called, English, lower case, singular; several are asked for and count as one.
        name: for people; empty: the sku.
        examples: pictures of it, which beat words where both are given.
        expected: how many should stand where; empty: nothing is known of that.
        colour: a basic colour that things of it have, measured on the picture: for detectors that read no colours, and
            for products that only their colour tells apart; empty: any.
    """

    sku: str
    phrases: tuple[str, ...]
    name: str = ""
    examples: tuple[Example, ...] = ()
    expected: tuple[Expected, ...] = ()
    colour: str = ""

    def expected_in(self, store: str, shelf: str) -> tuple[Expected, ...]:
        """What holds for a picture of a store and shelf."""
        return tuple(each for each in self.expected if each.store in ("", store) and each.shelf in ("", shelf))


@dataclass(frozen=True, slots=True)
class ProductList:
    """A shop's products.

    Attributes:
        name: of the list, such as the file's.
        products: in the order of the list.
        notices: what a person should know about how the list was read.
    """

    name: str
    products: tuple[Product, ...]
    notices: tuple[str, ...] = ()


def covers(wide: Product, narrow: Product) -> bool:
    """Whether every thing of a product is one of a wider product too, as blue books are books."""
    if wide.examples or not narrow.phrases or wide.colour not in ("", narrow.colour):
        return False
    same = set(narrow.phrases) <= set(wide.phrases)
    within = all(any(each == other or narrows(each, other) for other in wide.phrases) for each in narrow.phrases)
    return within and not (same and wide.colour == narrow.colour)
