"""The tool count_shelf, with a counting function whose answers are known, and the lists it may read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ConfigError, ToolInputError
from agent_tools.pictures import Picture
from agent_tools.services.base import Detector
from agent_tools.settings import Settings, settings
from agent_tools.shelves import counting
from agent_tools.shelves.products import Product
from agent_tools.shelves.results import Finding, ProductCount, ShelfCount, ShelfObject, ShelfRow
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools import product_sources

LIST = "sku,phrases,name,expected,row\n10,red,Red boxes,2,1\n10,,,2,3\n20,blue,,1-2,\n"
ROWS = {4: 1, 2: 1, 36: 3}
"""Upper edge of a thing on the drawn shelf → its shelf row; the second shelf row is empty."""
asked: list[Sequence[Product]] = []


def count_drawn_shelf(
    picture: Picture, products: Sequence[Product], detector: Detector, *, store: str = "", shelf: str = ""
) -> ShelfCount:
    """What the detector finds, in three rows of which the second is empty; too few of the first product are missing."""
    asked.append(products)
    objects, counts, unknown = [], [], {}
    for product in products:
        found = detector.detect([picture], [list(product.phrases)])[0]
        if found.unknown:
            unknown[product.sku] = found.unknown[0]
        mine = [
            ShelfObject(product.sku, ROWS[int(box[1])], tuple(box.tolist()), float(score), 0.6 if box[0] == 36 else 0.9)
            for box, score in zip(found.boxes, found.scores, strict=True)
        ]
        objects += [*mine, ShelfObject(product.sku, 2, (0, 20, 9, 29), 0.2, 0.1, counted=False)]
        counts.append(
            ProductCount(product.sku, 0, len(mine), len(mine) - 1, len(mine) + 1, 0.5, review=True, why=("dark",))
        )
        counts += [
            ProductCount(product.sku, row, n, n, n, 0.9)
            for row in (1, 3)
            if (n := sum(thing.row == row for thing in mine)) or product.expected
        ]
    first = products[0]
    findings = [Finding("missing", first.sku, 3, (2, 2), 1, 0.9), Finding("gap", "", 2, None, 0, 0.8, (0, 20, 64, 30))]
    rows = tuple(ShelfRow(n, ((0, y), (64, y), (64, y + 20), (0, y + 20))) for n, y in ((1, 0), (2, 20), (3, 40)))
    compared = bool(first.expected_in(store, shelf))
    return ShelfCount(64, 64, rows, tuple(objects), tuple(counts), tuple(findings) * compared, unknown)


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked.clear()
    monkeypatch.setattr(counting, "count_shelf", count_drawn_shelf)


@pytest.fixture
def shelf(make: Callable[..., VisionToolkit], tmp_path: Path) -> VisionToolkit:
    """The drawn shelf, with products.csv given by the person."""
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "products.csv").write_text(LIST)
    return ruled(make(), product_lists=(tmp_path / "given" / "products.csv",))


def ruled(toolkit: VisionToolkit, **rules: Any) -> VisionToolkit:
    """A toolkit on the conversation of another, with other rules."""
    return VisionToolkit(
        services=toolkit.services,
        memory=toolkit.memory,
        conversation=toolkit.conversation,
        rules=settings().model_copy(update=rules),
    )


def test_count_shelf_against_a_list_tells_counts_rows_and_differences(shelf: VisionToolkit) -> None:
    result = shelf.call("count_shelf", {"products": ["products.csv"]})

    assert result.text == (
        "products.csv on p1, 3 rows. "
        "3 red: m1-m3 (low 2, high 4; row 1 2; row 3 1; look at red: dark). "
        "2 blue: m4 m5 (low 1, high 3; row 1 1; row 3 1; look at blue: dark). "
        "Missing in row 3: red, 1 of 2. Gap in row 2."
    )
    assert result.data["counts"] == {
        "red": {"n": 3, "low": 2, "high": 4, "borderline": ["m2"], "saturated": False},
        "blue": {"n": 2, "low": 1, "high": 3, "borderline": [], "saturated": False},
    }
    assert [thing["label"] for thing in result.data["objects"]] == ["red"] * 3 + ["blue"] * 2
    assert [thing["review"] for thing in result.data["objects"]] == [False, True, False, False, False]
    told = result.data["shelf"]
    assert (told["products"], told["expected"], [row["number"] for row in told["rows"]]) == (
        "products.csv",
        True,
        [1, 2, 3],
    )
    assert [(each["label"], each["row"], each["n"]) for each in told["counts"]][:3] == [
        ("red", 0, 3),
        ("red", 1, 2),
        ("red", 3, 1),
    ]
    assert [(each["kind"], each["label"], each["row"]) for each in told["findings"]] == [
        ("missing", "red", 3),
        ("gap", "", 2),
    ]
    json.dumps(result.data, allow_nan=False)


def test_count_shelf_keeps_masks_selected_and_known_again(shelf: VisionToolkit) -> None:
    shelf.call("count_shelf", {"products": "products.csv"})
    known = {handle: (thing.label, thing.box) for handle, thing in shelf.state.objects.items()}

    assert shelf.state.selection == ("m1", "m2", "m3", "m4", "m5")
    assert all(thing.mask is not None and thing.mask.area for thing in shelf.state.objects.values())
    shelf.call("count_shelf")
    assert {handle: (thing.label, thing.box) for handle, thing in shelf.state.objects.items()} == known
    assert shelf.call("explain", {"handles": ["m2"]}).data["provenance"][0]["chance"] == 0.6


@pytest.mark.parametrize(
    ("where", "handles"),
    [
        ({"row": 3}, ["m3", "m5"]),
        ({"row": -1, "label": "red"}, ["m3"]),
        ({"row": 1}, ["m1", "m2", "m4"]),
        ({"row": 2}, []),
    ],
)
def test_rows_after_count_shelf_are_the_shelf_rows_empty_ones_included(
    shelf: VisionToolkit, where: dict[str, Any], handles: list[str]
) -> None:
    shelf.call("count_shelf")

    assert shelf.call("select", {"where": where}).data["selection"] == handles


def test_rows_of_a_shelf_that_do_not_exist_are_refused(shelf: VisionToolkit) -> None:
    shelf.call("count_shelf")

    for row in (4, 0, -4):
        with pytest.raises(ToolInputError, match=f"row={row} does not exist: expected 1 .top. to 3"):
            shelf.call("select", {"where": {"row": row}})


def test_rows_beside_things_that_no_shelf_was_counted_with_are_geometry(shelf: VisionToolkit) -> None:
    shelf.call("count_shelf")
    green = shelf.call("segment", {"phrases": ["green"]}).data["selection"]

    assert shelf.call("select", {"handles": ["m1-m5", *green], "where": {"row": 2}}).data["selection"] == [
        "m3",
        "m5",
        *green,
    ]


def test_count_shelf_of_phrases_needs_no_list(make: Callable[..., VisionToolkit]) -> None:
    result = make().call("count_shelf", {"products": ["Red", "blue"]})

    assert {label: count["n"] for label, count in result.data["counts"].items()} == {"red": 3, "blue": 2}
    assert result.text.startswith("Shelf on p1, 3 rows. 3 red: m1-m3")
    assert result.data["shelf"]["expected"] is False
    assert asked == [(Product("red", ("red",)), Product("blue", ("blue",)))]


@pytest.mark.parametrize("name", ["products.csv", "PRODUCTS.CSV", "products", "{folder}/given/products.csv"])
def test_count_shelf_finds_a_given_list_by_any_of_its_names(shelf: VisionToolkit, tmp_path: Path, name: str) -> None:
    shelf.call("count_shelf", {"products": name.format(folder=tmp_path)})

    assert [product.sku for product in asked[0]] == ["10", "20"]


def test_count_shelf_without_a_name_takes_the_list_used_last(shelf: VisionToolkit, tmp_path: Path) -> None:
    (tmp_path / "fruit.csv").write_text("sku,phrases\n1,red\n")
    two = ruled(shelf, product_lists=(tmp_path / "given" / "products.csv", tmp_path / "fruit.csv"))

    with pytest.raises(
        ToolInputError,
        match=r"products=None could be one of several lists: expected products\.csv, fruit\.csv, or phrases",
    ):
        two.call("count_shelf")
    two.call("count_shelf", {"products": ["fruit.csv"]})
    two.call("count_shelf")
    assert [len(products) for products in asked] == [1, 1]


def test_count_shelf_reads_lists_below_the_picture_folders_and_no_others(
    make: Callable[..., VisionToolkit], tmp_path: Path
) -> None:
    inside = tmp_path / "shop" / "lists"
    inside.mkdir(parents=True)
    (inside / "fruit.csv").write_text("sku,phrases\n1,red\n")
    (tmp_path / "secret.csv").write_text("sku,phrases\n1,blue\n")
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    agent = ruled(make(), picture_folders=(tmp_path / "shop",))

    for name in ("lists/fruit.csv", "fruit.csv", str(inside / "fruit.csv")):
        agent.call("count_shelf", {"products": [name]})
    agent.call("count_shelf")
    assert len(asked) == 4
    for name in ("../secret.csv", "lists/link.csv", "link.csv", str(tmp_path / "secret.csv"), "\0.csv"):
        with pytest.raises(ToolInputError, match=r"is no product list here: expected fruit\.csv, or phrases"):
            agent.call("count_shelf", {"products": [name]})
    assert len(asked) == 4


def test_count_shelf_list_of_a_folder_names_no_picture_elsewhere(
    make: Callable[..., VisionToolkit], tmp_path: Path
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    for path in (shop / "here.png", tmp_path / "away.png"):
        path.write_bytes(Picture.from_array(np.zeros((4, 4, 3), np.uint8)).original)
    (shop / "fruit.csv").write_text("sku,phrases,examples\n1,red,here.png\n")
    agent = ruled(make(), picture_folders=(shop,))

    agent.call("count_shelf")
    assert asked[0][0].examples[0].picture == str(shop / "here.png")
    for away in ("../away.png", str(tmp_path / "away.png"), "https://example.org/a.png"):
        (shop / "fruit.csv").write_text(f"sku,phrases,examples\n1,red,{away}\n")
        with pytest.raises(ToolInputError, match="source="):
            agent.call("count_shelf")
    given = ruled(make(), product_lists=(shop / "fruit.csv",))
    given.call("count_shelf")
    assert asked[-1][0].examples[0].picture == "https://example.org/a.png"


def test_count_shelf_broken_list_is_for_whoever_can_mend_it(shelf: VisionToolkit, tmp_path: Path) -> None:
    (tmp_path / "given" / "products.csv").write_text("name\nPears\n")

    with pytest.raises(ConfigError, match="lack sku"):
        shelf.call("count_shelf")
    with pytest.raises(ToolInputError, match="lack sku"):
        ruled(shelf, picture_folders=(tmp_path / "given",)).call("count_shelf", {"products": ["products.csv"]})


@pytest.mark.parametrize(
    ("products", "message"),
    [
        (["prices.csv"], r"products=prices\.csv is no product list here: expected products\.csv, or phrases such as"),
        (["products.csv", "red"], "mixes lists: expected one list, or phrases"),
        (["."], "are not phrases"),
        (["x" * 121], "are not phrases"),
        ([f"thing {number}" for number in range(51)], "are not phrases: expected 1 to 50"),
    ],
)
def test_count_shelf_products_that_cannot_be_are_refused(
    shelf: VisionToolkit, products: list[str], message: str
) -> None:
    with pytest.raises(ToolInputError, match=message):
        shelf.call("count_shelf", {"products": products})


def test_count_shelf_where_there_is_no_list_says_how_to_give_one(make: Callable[..., VisionToolkit]) -> None:
    with pytest.raises(ToolInputError, match=r"there is no product list: expected phrases .*--products FILE"):
        make().call("count_shelf")


def test_count_shelf_two_lists_of_one_name_are_told_apart(make: Callable[..., VisionToolkit], tmp_path: Path) -> None:
    for name in ("north", "south"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "products.csv").write_text("sku,phrases\n1,red\n")
    agent = ruled(make(), picture_folders=(tmp_path,))

    with pytest.raises(ToolInputError, match=r"names 2 lists: expected one of north/products.csv, south/products.csv"):
        agent.call("count_shelf", {"products": ["products.csv"]})
    agent.call("count_shelf", {"products": ["south/products.csv"]})
    assert len(asked) == 1


def test_count_shelf_looks_for_lists_no_further_than_its_bound(
    make: Callable[..., VisionToolkit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "products.csv").write_text("sku,phrases\n1,red\n")
    for number in range(3):
        (shop / f"{number}.jpg").touch()
    agent = ruled(make(), picture_folders=(shop,))

    agent.call("count_shelf")
    monkeypatch.setattr(product_sources, "_MOST_SEEN", 3)
    with pytest.raises(ToolInputError, match="there is no product list"):
        agent.call("count_shelf")


def test_count_shelf_tells_products_apart_that_have_one_phrase(
    make: Callable[..., VisionToolkit], tmp_path: Path
) -> None:
    (tmp_path / "twins.csv").write_text("sku,phrases,name\n1,red,\n2,red,Red Tins\n3,red,red\n")
    result = ruled(make(), product_lists=(tmp_path / "twins.csv",)).call("count_shelf")

    assert list(result.data["counts"]) == ["red", "red tins", "3"]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["1,red,2,north,a"], "Missing in row 3: red"),
        (["1,red,2,north,a", "1,red,2,north,b"], "Not compared: the list is about north a, north b."),
        (["1,red,2,north,", "2,blue,2,south,"], "Not compared: the list is about north, south."),
        (["1,red,2,north,a", "2,blue,2,,"], "Missing in row 3: red"),
    ],
)
def test_count_shelf_takes_the_one_place_of_a_list_and_guesses_none(
    make: Callable[..., VisionToolkit], tmp_path: Path, lines: list[str], text: str
) -> None:
    (tmp_path / "places.csv").write_text("\n".join(["sku,phrases,expected,store,shelf", *lines]))
    result = ruled(make(), product_lists=(tmp_path / "places.csv",)).call("count_shelf")

    assert text in result.text
    assert result.data["shelf"]["expected"] is ("Missing" in text)


def test_settings_read_product_lists_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKMASK_PRODUCT_LISTS", '["/a/products.csv"]')

    assert Settings().product_lists == (Path("/a/products.csv"),)
