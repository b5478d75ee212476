"""Counts the products on a picture of a shelf."""

from __future__ import annotations

from collections.abc import Sequence

from agent_tools.pictures import Picture
from agent_tools.services.base import Detector
from agent_tools.shelves.products import Product
from agent_tools.shelves.results import Correction, ShelfCount


def count_shelf(
    picture: Picture, products: Sequence[Product], detector: Detector, *, store: str = "", shelf: str = ""
) -> ShelfCount:
    """Count; see `ShelfCount`.

    Args:
        picture: of a shelf.
        products: what may stand on it.
        detector: what looks.
        store: of the picture; which expectations hold.
        shelf: likewise.

    Raises:
        PictureError: an example cannot be opened.
        ServiceError: the detector failed.
    """
    raise NotImplementedError


def corrected(
    count: ShelfCount, correction: Correction, products: Sequence[Product], *, store: str = "", shelf: str = ""
) -> ShelfCount:
    """The same picture as a person has put it right: counts and findings made anew, nothing looked for again."""
    raise NotImplementedError
