"""What people put right in one run, as examples for the next: by them the models learn what words do not say.

This module does not know how examples are used.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from agent_tools.shelves.products import Example, ProductList
from workflows.shelf_count.store import RunStore


def with_corrections(products: ProductList, run: RunStore) -> ProductList:
    """A product list with an example for each thing that was missed, and one for each that was taken for another.

    Args:
        products: what is looked for; corrections of other products are left out.
        run: an earlier run, reviewed.

    Raises:
        ConfigError: the run is damaged.
    """
    more: dict[str, list[Example]] = defaultdict(list)
    for result in run.results():
        if result.correction is not None and not result.same_as:
            address = result.picture.address
            for sku, box in result.correction.added:
                more[sku].append(Example(address, box))
            for sku, box in result.correction.removed:
                more[sku].append(Example(address, box, belongs=False))
    with_more = tuple(
        replace(product, examples=tuple(dict.fromkeys((*product.examples, *more[product.sku]))))
        for product in products.products
    )
    return replace(products, products=with_more)
