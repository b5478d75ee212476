"""Which pictures a run counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from agent_tools.errors import ConfigError, PictureError
from tests.workflows.shelf_count.conftest import paint
from workflows.shelf_count import addresses
from workflows.shelf_count.inputs import list_pictures
from workflows.shelf_count.results_kept import ShelfPicture


def listed(*named: object, **more: Path) -> list[ShelfPicture]:
    return [found.picture for found in list_pictures([str(each) for each in named], **more).pictures]


@pytest.fixture
def in_memory() -> Iterator[str]:
    """A folder that is no folder of this machine."""
    files = fsspec.filesystem("memory")
    for name in ("north/shelf 10.jpg", "north/shelf 2.jpg", "south/1.png", "south/.hidden.png", "south/notes.txt"):
        files.pipe(f"/shops/{name}", name.encode())
    yield "memory://shops"
    files.rm("/shops", recursive=True)


def test_folder_gives_pictures_by_content_in_natural_order(tmp_path: Path):
    for name in ("b/shelf 10.png", "b/shelf 2.png", "a/x/1.png", ".hidden/1.png", "b/.hidden.png", "top.png"):
        paint(tmp_path / name, 9)
    (tmp_path / "b" / "shelf 2.png").rename(tmp_path / "b" / "shelf 2")
    (tmp_path / "b" / "empty.jpg").touch()
    (tmp_path / "notes.txt").write_text("no picture")
    assert [(each.store, each.shelf) for each in listed(tmp_path)] == [
        ("a/x", "1"),
        ("b", "empty"),
        ("b", "shelf 2"),
        ("b", "shelf 10"),
        ("", "top"),
    ]


def test_folder_of_the_run_itself_is_left_out(folder: Path):
    paint(folder / "askmask-shelves" / "drawn.png", 5)
    assert len(listed(folder, leave_out=folder / "askmask-shelves")) == 12


@pytest.mark.parametrize(
    ("pattern", "stores"), [("*/shelf 1*.png", {"a", "b"}), ("[a]", {"a"}), ("**/*.png", {"a", "b"})]
)
def test_glob_gives_pictures_with_stores_below_its_fixed_part(folder: Path, pattern: str, stores: set[str]):
    assert {each.store for each in listed(folder / pattern)} == stores


def test_same_picture_named_twice_is_taken_once_with_a_notice(folder: Path):
    listing = list_pictures([str(folder), str(folder / "a" / ".." / "a" / "shelf 0.png"), f"file://{folder}/b"])
    assert len(listing.pictures) == 12
    assert listing.notices == ("7 pictures are named more than once: each is counted once",)


def test_list_names_pictures_beside_it(folder: Path):
    (folder / "some.txt").write_text("# the first two\n\na/shelf 0.png\nb/shelf 1.png\n/else where/x.png\n")
    assert listed(folder / "some.txt") == [
        ShelfPicture(str(folder / "a" / "shelf 0.png"), "a", "shelf 0"),
        ShelfPicture(str(folder / "b" / "shelf 1.png"), "b", "shelf 1"),
        ShelfPicture("/else where/x.png", "", "x"),
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_table_says_store_shelf_and_time(tmp_path: Path, delimiter: str, encoding: str):
    rows = (
        ("Time", "FILE", "Store", "shelf"),
        ("9:30", '"a, b.png"', "Köln", "1"),
        ("", "", "", ""),
        ("", "", "x", ""),
    )
    table = tmp_path / "pictures.csv"
    table.write_text("\n".join(delimiter.join(row) for row in rows), encoding=encoding)
    listing = list_pictures([str(table)])
    assert [found.picture for found in listing.pictures] == [
        ShelfPicture(str(tmp_path / "a, b.png"), "Köln", "1", "9:30")
    ]
    assert listing.notices == ("line 4 of pictures.csv names no picture: left out",)


def test_table_without_picture_column_names_those_found(tmp_path: Path):
    (tmp_path / "pictures.csv").write_text("store;shelf\nKöln;1\n")
    with pytest.raises(ConfigError, match="expected one of picture, path, file; found store, shelf"):
        listed(tmp_path / "pictures.csv")


def test_remote_folder_and_glob_give_pictures_by_ending(in_memory: str):
    assert listed(in_memory) == [
        ShelfPicture("memory://shops/north/shelf 2.jpg", "north", "shelf 2"),
        ShelfPicture("memory://shops/north/shelf 10.jpg", "north", "shelf 10"),
        ShelfPicture("memory://shops/south/1.png", "south", "1"),
    ]
    assert [each.shelf for each in listed(f"{in_memory}/*/shelf*.jpg")] == ["shelf 2", "shelf 10"]
    assert listed(f"{in_memory}/south/1.png") == [ShelfPicture("memory://shops/south/1.png", "", "1")]
    assert addresses.read("memory://shops/south/1.png") == b"south/1.png"


def test_remote_list_names_pictures_beside_it(in_memory: str):
    fsspec.filesystem("memory").pipe("/shops/list.csv", b"path\nnorth/shelf 2.jpg\nmemory://shops/gone.jpg\n")
    found = list_pictures([f"{in_memory}/list.csv"]).pictures
    assert [each.picture.address for each in found] == ["memory://shops/north/shelf 2.jpg", "memory://shops/gone.jpg"]
    assert [bool(each.state) for each in found] == [True, False]


def test_remote_picture_that_changes_changes_its_state(in_memory: str):
    before = list_pictures([in_memory]).pictures
    fsspec.filesystem("memory").pipe("/shops/south/1.png", b"new/picture")
    after = list_pictures([in_memory]).pictures
    assert [a.state == b.state for a, b in zip(before, after, strict=True)] == [True, True, False]


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nothing here", "does not exist"),
        ("empty", "holds no picture"),
        ("*.png", "holds no picture"),
        ("empty.csv", "found none"),
        ("picture.csv", "is no text"),
        ("memory://nowhere", "there is no such file"),
        ("nosuch://a/b", "is no address"),
    ],
)
def test_named_thing_that_cannot_be_used_says_why(
    tmp_path: Path, named: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.csv").touch()
    paint(tmp_path / "picture.png", 4)
    (tmp_path / "picture.png").rename(tmp_path / "picture.csv")
    with pytest.raises((PictureError, ConfigError), match=said):
        listed(named)


def test_address_whose_driver_is_missing_names_the_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigError, match="pip install s3fs"):
        listed("s3://bucket/shop")


def test_read_of_large_remote_file_is_refused(in_memory: str, monkeypatch: pytest.MonkeyPatch):
    from agent_tools.settings import settings

    monkeypatch.setenv("ASKMASK_MAX_FILE_MEGABYTES", "0.00001")
    settings.cache_clear()
    with pytest.raises(PictureError, match="larger than 1e-05 MB"):
        addresses.read(f"{in_memory}/north/shelf 2.jpg")


def test_web_address_is_refused_unless_switched_on():
    with pytest.raises(PictureError, match="ASKMASK_ALLOW_URLS"):
        addresses.read("https://example.com/a.jpg")
