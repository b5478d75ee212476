from __future__ import annotations

import pytest

from prompts.thing_names import english_name


@pytest.mark.parametrize(
    ("name", "english"),
    [
        ("naranja", "orange"),
        ("camisa naranja", "orange shirt"),
        ("limon", "lemon"),
        ("citron vert", "lime"),
        ("cajas de cereales", "box of cereal"),
        ("\u00c4pfel", "apple"),
        ("红苹果", "red apple"),
        ("maçã verde", "green apple"),
    ],
)
def test_english_name_known_word_for_word_is_read(name: str, english: str) -> None:
    assert english_name(name) == english


@pytest.mark.parametrize(
    "name",
    [
        "orange",  # a French and a German word as well
        "red apples",
        "glasses",
        "boot",  # German for a boat
        "raisin",  # French for a grape
        "pringles",
        "manzana de temporada",
        "rojo",
        "",
    ],
)
def test_english_name_english_already_or_unknown_is_none(name: str) -> None:
    assert english_name(name) is None
