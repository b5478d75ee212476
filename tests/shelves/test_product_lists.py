from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from agent_tools.errors import ConfigError
from agent_tools.shelves import sheets
from agent_tools.shelves.product_lists import read_products
from agent_tools.shelves.products import Example, Expected, Product

WHOLE = """sku,phrases,name,examples,expected,row,store,shelf
4011,banana,Bananas,,4-8,1,,
3107,orange; mandarin,Oranges,"orange.jpg#10,10,80,80.5; whole.png",6,2,Main St,fruit
3107,,,,2+,-1,,
"""


def listed(folder: Path, text: str | bytes, name: str = "products.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def workbook(folder: Path, rows: list[list[object]]) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    path = folder / "products.xlsx"
    book.save(path)
    return path


def products_of(folder: Path) -> tuple[Product, ...]:
    return (
        Product("4011", ("banana",), "Bananas", (), (Expected(4, 8, 1),)),
        Product(
            "3107",
            ("orange", "mandarin"),
            "Oranges",
            (Example(str(folder / "orange.jpg"), (10, 10, 80, 80.5)), Example(str(folder / "whole.png"))),
            (Expected(6, 6, 2, "Main St", "fruit"), Expected(2, None, -1)),
        ),
    )


def test_read_products_whole_list_gives_every_product_with_all_its_places(tmp_path: Path) -> None:
    found = read_products(listed(tmp_path, WHOLE))

    assert (found.name, found.products, found.notices) == ("products.csv", products_of(tmp_path), ())
    assert read_products(str(tmp_path / "products.csv"), name="Fruit").name == "Fruit"


@pytest.mark.parametrize(
    "written",
    [
        WHOLE.encode("utf-8-sig"),
        WHOLE.encode("utf-16"),
        WHOLE.replace("\n", "\r\n").encode(),
        WHOLE.replace("sku,phrases,name", "SKU , Phrases,NAME").encode(),
        WHOLE.replace("\n3107,o", "\n,,,,,,,\n\n3107,o").encode(),
        WHOLE.replace("4-8", "4 \u2013 8").encode(),
        WHOLE.replace("4-8", "4 to 8").encode(),
        WHOLE.replace("banana,", "BANANAS.,").encode(),
        WHOLE.replace("banana,", "banana; bananas ;,").encode(),
        "\n".join("\t".join(each.split(",", 1)[::-1]) for each in ("sku,phrases", "4011,banana")).encode(),
    ],
)
def test_read_products_however_it_was_saved_gives_the_same(tmp_path: Path, written: bytes) -> None:
    found = read_products(listed(tmp_path, written)).products

    whole = products_of(tmp_path)
    assert found == whole if len(found) == 2 else found == (Product("4011", ("banana",)),)


def test_read_products_semicolons_and_latin_1_are_what_a_european_spreadsheet_saves(tmp_path: Path) -> None:
    path = listed(tmp_path, 'sku;phrases;name\n1;"lemon;lime";Zitrusfrüchte\n'.encode("latin-1"))

    assert read_products(path).products == (Product("1", ("lemon", "lime"), "Zitrusfrüchte"),)


def test_read_products_workbook_gives_what_the_csv_gives(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        [
            ["Sku", "phrases", "name", "examples", "expected", "row", "store", "shelf", None],
            [4011, "banana", "Bananas", None, "4-8", 1.0, None, None],
            [None, None],
            [3107.0, "orange\nmandarin", "Oranges", "orange.jpg#10,10,80,80.5; whole.png", 6, 2, "Main St", "fruit"],
            ["3107", None, None, None, "2+", -1],
        ],
    )

    assert read_products(path).products == products_of(tmp_path)


def test_read_products_number_that_a_spreadsheet_made_a_date_is_told_with_its_line(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["sku", "phrases", "expected"], [1, "banana", datetime(2026, 8, 4)]])

    with pytest.raises(ConfigError, match=r"expected=the date 2026-08-04 in line 2 of products.xlsx .*as text"):
        read_products(path)


@pytest.mark.parametrize(
    ("said", "asked", "notice"),
    [
        ("naranja", "orange", "naranja is read as orange"),
        ("Manzanas rojas", "red apple", "manzanas rojas is read as red apple"),
        ("pomme verte", "green apple", "pomme verte is read as green apple"),
        ("blaue Bücher", "blue book", "blaue bücher is read as blue book"),
        ("赤いりんご", "red apple", "赤いりんご is read as red apple"),
        ("red apples", "red apple", ""),
        ("boot", "boot", ""),
        ("people wearing red shirts", "person wearing a red shirt", ""),
        ("frobnicator verde", "frobnicator verde", ""),
    ],
)
def test_read_products_phrase_becomes_what_a_detector_is_asked_for(
    tmp_path: Path, said: str, asked: str, notice: str
) -> None:
    found = read_products(listed(tmp_path, f"sku,phrases\n1,{said}\n2,{said}\n"))

    assert found.products == (Product("1", (asked,)), Product("2", (asked,)))
    assert found.notices == ((notice,) if notice else ())


def test_read_products_what_is_not_used_is_a_notice(tmp_path: Path) -> None:
    found = read_products(listed(tmp_path, "sku,price,phrases,row\n1,9.99,pear,2\n"))

    assert found.products == (Product("1", ("pear",)),)
    assert found.notices == (
        "columns not used: price",
        "line 2 has a row but no expected number, so it is not compared",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns=none in line 1 of products.csv lack sku"),
        ("\nname,phrases\n", "columns=name, phrases in line 2 .* lack sku.*expected a header with sku, phrases"),
        ("sku,name\n1,Pear\n", "lack phrases"),
        ("sku,SKU,phrases\n1,2,pear\n", "column=sku .* is there twice"),
        ("sku,phrases\n", "holds no products"),
        ("sku,phrases\n,pear\n", "sku= in line 2 .* is empty"),
        ("sku,phrases,examples\n1,pear,\n2,,\n", "sku=2 in line 3 .* has neither phrases nor examples"),
        ("sku,phrases\n1,pear,peach\n", "line=2 .* has 3 fields: expected 2"),
        ('sku,phrases\n"1\n",pear\n2,"pear, peach"\n', "phrases=pear, peach in line 4 .* is not a list of names"),
        ("sku,phrases\n1,pear|peach\n", r"phrases=pear\|peach in line 2"),
        (f"sku,phrases\n1,{'pear' * 31}\n", "is not a list of names"),
        ("sku,phrases\n1,pear\n2,plum\n1,peach\n", "phrases=peach in line 4 .* differs from line 2"),
        ("sku,phrases,name\n1,pear,Pears\n1,,Plums\n", "name=Plums in line 3 .* differs from line 2"),
        ("sku,phrases,expected\n1,pear,six\n", "expected=six in line 2 .* is not a number"),
        ("sku,phrases,expected\n1,pear,-3\n", "expected=-3 in line 2"),
        ("sku,phrases,expected\n1,pear,4-2\n", "expected=4-2 in line 2 .* ends before it begins"),
        ("sku,phrases,expected\n1,pear,20000\n", "expected=20000 in line 2 .* is too many"),
        ("sku,phrases,expected\n1,pear,4\n1,pear,5\n", "expected=5 in line 3 .* second number for sku 1"),
        ("sku,phrases,row\n1,pear,0\n", "row=0 in line 2 .* is not a shelf row"),
        ("sku,phrases,row\n1,pear,top\n", "row=top in line 2"),
        ("sku,phrases,row\n1,pear,-51\n", "row=-51 in line 2"),
        ('sku,examples\n1,"a.jpg#1,2,3"\n', "examples=a.jpg#1,2,3 in line 2 .* has a crop that is none"),
        ('sku,examples\n1,"a.jpg#9,0,3,4"\n', "examples=a.jpg#9,0,3,4 in line 2"),
        ('sku,examples\n1,"a.jpg#0,0,nan,4"\n', "examples=a.jpg#0,0,nan,4 in line 2"),
    ],
)
def test_read_products_what_cannot_be_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_products(listed(tmp_path, text))


def test_read_products_examples_are_found_beside_the_list_whatever_folder_one_is_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(tmp_path, 'sku,examples\n1,"crops/a.jpg;/b/c.jpg#0,0,1,1;https://x.org/d.jpg;shelf#2"\n')
    monkeypatch.chdir(tmp_path)

    assert read_products("products.csv").products[0].examples == (
        Example(str(tmp_path / "crops/a.jpg")),
        Example("/b/c.jpg", (0, 0, 1, 1)),
        Example("https://x.org/d.jpg"),
        Example(str(tmp_path / "shelf#2")),
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("products.csv", b"\x89PNG\r\n\0\0", "is not text"),
        ("products.xls", b"", "products=products.xls is not a table: expected a file ending in .csv"),
        ("products.xlsx", b"PK\x03\x04 and nothing more", "is not a workbook that can be read"),
        ("products.xlsx", b"sku,phrases\n1,pear\n", "is not a workbook that can be read"),
        ("folder.csv", None, "cannot be read"),
    ],
)
def test_read_products_file_that_is_no_table_is_told(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is None:
        (tmp_path / name).mkdir()
    else:
        listed(tmp_path, content, name)

    with pytest.raises(ConfigError, match=message):
        read_products(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_products(tmp_path / "not_there.csv")


def test_read_products_more_than_it_may_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = listed(tmp_path, "sku,phrases\n1,pear\n2,plum\n3,lime\n")
    book = workbook(tmp_path, [["sku", "phrases"], [1, "pear"], [2, "plum"], [3, "lime"]])

    assert len(read_products(text).products) == len(read_products(book).products) == 3
    monkeypatch.setattr(sheets, "MOST_ROWS", 2)
    for path in (text, book):
        with pytest.raises(ConfigError, match="has more lines than 2"):
            read_products(path)
    monkeypatch.setattr(sheets, "_MOST_UNPACKED", 1000)
    with pytest.raises(ConfigError, match="unpacks to"):
        read_products(book)
    monkeypatch.setattr(sheets, "MOST_BYTES", 10)
    with pytest.raises(ConfigError, match="is larger than"):
        read_products(text)
