"""What a count depends on, as a key: equal keys, equal counts, so that nothing is counted twice and nothing is mixed.

This module does not know where counts are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from agent_tools.shelves.products import Example, ProductList
from workflows.shelf_count.results_kept import ShelfPicture

_AS_PLAIN = TypeAdapter[Any](Any)


class WorkKeys:
    """The keys of pictures in a run.

    Attributes:
        fingerprint: of the products and models; what is expected of a shelf is in the key of each picture, so that a
            change for one shop leaves the counts of all others as they are.
    """

    def __init__(self, products: ProductList, models: Mapping[str, str]) -> None:
        """Begins with what holds for every picture.

        Args:
            products: what is looked for.
            models: what looks, by role; versions included. A segmenter makes no difference to counts.
        """
        self._products = products.products
        looked_for = [
            [product.sku, product.phrases, product.colour, [[example, _state(example)] for example in product.examples]]
            for product in products.products
        ]
        looks = sorted((role, name) for role, name in models.items() if role != "segmenter")
        self.fingerprint = _digest([looked_for, looks])

    def key(self, digest: str, picture: ShelfPicture) -> str:
        """What the count of a picture is kept under.

        Args:
            digest: sha256 of its bytes, hex.
            picture: its store and shelf say which expectations hold.
        """
        # A product that is expected somewhere, only not here, is not looked for here; see `counting.expected_here`.
        expected = [
            [product.expected_in(picture.store, picture.shelf), bool(product.expected)] for product in self._products
        ]
        return _digest([self.fingerprint, digest, expected])


def _digest(value: Any) -> str:
    plain = _AS_PLAIN.dump_python(value, mode="json")
    return sha256(json.dumps(plain, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def _state(example: Example) -> list[int]:
    """What changes when somebody replaces an example's picture; empty where that cannot be seen from here."""
    try:
        found = Path(example.picture).stat()
    except (OSError, ValueError):
        return []
    return [found.st_size, found.st_mtime_ns]
