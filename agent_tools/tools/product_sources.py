"""What a planner calls products: phrases, or the name of a list that the person made available.

A list is one of those of the settings (`product_lists`), or lies below a folder that an agent may read from. What the
latter name as examples has to lie there as well. This module does not know pictures, nor how things are counted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from agent_tools.errors import ConfigError, ToolInputError, shorten
from agent_tools.settings import Settings
from agent_tools.shelves.product_lists import read_products
from agent_tools.shelves.products import Product, ProductList
from agent_tools.shelves.sheets import SUFFIXES
from agent_tools.tools.allowed_files import allowed_file, allowed_folders
from agent_tools.tools.arguments import clean_phrases
from agent_tools.tools.open_picture import allowed

MOST_PHRASES = 50
_LONGEST_PHRASE = 120
_MOST_SEEN = 5_000
"""Files and folders below a folder that are looked at for lists."""
_MOST_NAMED = 10


def may_have_lists(rules: Settings) -> bool:
    """Whether a product list was made available, or a folder where one may lie."""
    return bool(rules.product_lists or rules.picture_folders)


def products_of(asked: Sequence[str] | None, last: str | None, rules: Settings) -> ProductList:
    """The products that are meant.

    Args:
        asked: the name of a list, or phrases; None: the list that is meant without a word.
        last: name of the list that was used last, or None.
        rules: what the person made available.

    Raises:
        ToolInputError: no such list, more than one that is meant, or no phrase.
        ConfigError: a list that the person gave cannot be read.
    """
    if asked and not any(_names_a_list(name, rules) for name in asked):
        return _of_phrases(asked)
    if asked and len(asked) > 1:
        raise ToolInputError(f"products={shorten(asked)} mixes lists: expected one list, or phrases. Name one of them.")
    path, given = _found(asked[0], rules) if asked else _only(last, rules)
    try:
        found = read_products(path)
    except ConfigError as error:
        if given:
            raise
        raise ToolInputError(str(error)) from None
    if not given:
        # Whoever may put a file there has not thereby a say over the rest of the disk, nor over addresses.
        found = replace(found, products=tuple(_within(product, rules) for product in found.products))
    return found


def _names_a_list(name: str, rules: Settings) -> bool:
    return name.lower().endswith(SUFFIXES) or any(_is_called(path, name) for path in rules.product_lists)


def _is_called(path: Path, name: str) -> bool:
    return name.casefold() in (str(path).casefold(), path.name.casefold(), path.stem.casefold())


def _of_phrases(asked: Sequence[str]) -> ProductList:
    phrases = clean_phrases(list(asked))
    if not 1 <= len(phrases) <= MOST_PHRASES or any(len(phrase) > _LONGEST_PHRASE for phrase in phrases):
        raise ToolInputError(
            f"products={shorten(asked)} are not phrases: expected 1 to {MOST_PHRASES} of up to {_LONGEST_PHRASE} "
            "characters, such as orange. Correct them."
        )
    return ProductList("", tuple(Product(phrase, (phrase,)) for phrase in phrases))


def _found(name: str, rules: Settings) -> tuple[Path, bool]:
    """The list of a name, and whether the person gave it."""
    given = list(dict.fromkeys(path for path in rules.product_lists if _is_called(path, name)))
    if not given and (path := allowed_file(name, rules)) is not None:
        return path, False
    below = [] if given else [path for path in _below(rules) if _is_called(path, name)]
    found = given or below
    if len(found) == 1:
        return found[0], bool(given)
    if found:
        raise ToolInputError(
            f"products={shorten(name)} names {len(found)} lists: expected one of {_listed(found)}. Name one of these."
        )
    raise _none(f"products={shorten(name)} is no product list here", rules)


def _only(last: str | None, rules: Settings) -> tuple[Path, bool]:
    """The list that is meant without a name: the one used last, else the only one there is."""
    given, below = list(dict.fromkeys(rules.product_lists)), list(_below(rules))
    if last is not None and any(_is_called(path, last) for path in (*given, *below)):
        return _found(last, rules)
    if len(found := given or below) == 1:
        return found[0], bool(given)
    raise _none(
        "products=None could be one of several lists" if found else "products=None, and there is no product list", rules
    )


def _none(wrong: str, rules: Settings) -> ToolInputError:
    known = [*rules.product_lists, *_below(rules)]
    expected = f"{_listed(known)}, or phrases such as orange" if known else "phrases such as orange"
    step = "Name one of these" if known else "Say what to count, or give a list with --products FILE"
    return ToolInputError(f"{wrong}: expected {expected}. {step}.")


def _below(rules: Settings) -> Iterator[Path]:
    """The tables below the folders that may be read, as far as `_MOST_SEEN` goes."""
    for root in allowed_folders(rules):
        seen = 0
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            seen += len(files) + 1
            if seen > _MOST_SEEN:
                break
            for name in sorted(files):
                table = name.lower().endswith(SUFFIXES) and not name.startswith((".", "~$"))
                if table and (path := allowed_file(Path(folder, name), rules)) is not None:
                    yield path


def _listed(paths: Sequence[Path]) -> str:
    """Names of lists, with their folders where several have one name."""
    names = [path.name for path in paths]
    shown = [path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}" for path in paths]
    return ", ".join([*shown[:_MOST_NAMED], "..."] if len(shown) > _MOST_NAMED else shown)


def _within(product: Product, rules: Settings) -> Product:
    examples = tuple(replace(each, picture=str(allowed(each.picture, rules))) for each in product.examples)
    return replace(product, examples=examples)
