"""What holds for every export: whole or not at all, nothing overwritten, nothing private, names of their own."""

import errno
import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent_tools.errors import ConfigError, ToolInputError
from agent_tools.exporting import KINDS, export, image_files
from agent_tools.pictures import Picture


def everything_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("kind", KINDS)
def test_export_of_every_kind_lists_exactly_the_files_that_are_there(tmp_path, both, kind) -> None:
    result = export(both, kind, tmp_path / "new" / "out")
    assert result.folder == tmp_path / "new" / "out"
    assert set(result.files) == {path for path in result.folder.rglob("*") if path.is_file()}
    assert len(result.files) >= 2
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]


@pytest.mark.parametrize("kind", KINDS)
def test_export_says_in_the_folder_too_what_it_left_out(tmp_path, both, kind) -> None:
    result = export(both, kind, tmp_path / "out")
    said = json.loads((tmp_path / "out" / "askmask-export.json").read_text())
    assert said["kind"] == kind
    assert [each["handle"] for each in said["left_out"]] == [each.handle for each in result.left_out]
    assert [each["iou"] for each in said["approximated"]] == [each.iou for each in result.approximated]


@pytest.mark.parametrize("kind", KINDS)
def test_export_of_nothing_is_an_export(tmp_path, kind) -> None:
    assert export({}, kind, tmp_path / "out").left_out == ()
    assert (tmp_path / "out" / "askmask-export.json").is_file()


def test_export_into_an_empty_folder_uses_it(tmp_path, both) -> None:
    (tmp_path / "out").mkdir()
    export(both, "csv", tmp_path / "out")
    assert everything_below(tmp_path) == {"out", "out/objects.csv", "out/askmask-export.json"}


def test_export_into_a_folder_with_something_in_it_is_refused(tmp_path, both) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty"):
        export(both, "csv", tmp_path)
    assert everything_below(tmp_path) == {"note.txt"}


def test_export_replacing_a_folder_that_is_no_export_is_refused(tmp_path, both) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "wedding.jpg").write_text("mine")
    with pytest.raises(ConfigError, match="not an earlier export"):
        export(both, "csv", tmp_path / "photos", replace=True)
    assert everything_below(tmp_path) == {"photos", "photos/wedding.jpg"}


def test_export_replacing_an_earlier_one_leaves_only_the_new(tmp_path, both) -> None:
    export(both, "yolo-detect", tmp_path / "out")
    export(both, "csv", tmp_path / "out", replace=True)
    assert everything_below(tmp_path) == {"out", "out/objects.csv", "out/askmask-export.json"}


def test_export_to_a_file_is_refused(tmp_path, both) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConfigError, match="is a file"):
        export(both, "csv", tmp_path / "out", replace=True)
    assert (tmp_path / "out").read_text() == "mine"


def test_export_below_a_file_is_refused(tmp_path, both) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ConfigError, match="cannot be written"):
        export(both, "csv", tmp_path / "out" / "deeper")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_export_that_fails_halfway_leaves_the_earlier_one_and_no_trace(tmp_path, both, monkeypatch, code) -> None:
    export(both, "masks", tmp_path / "out")
    before = everything_below(tmp_path)
    written = []

    def full(path: Path, data: bytes) -> int:
        if len(written) == 3:
            raise OSError(code, os.strerror(code), str(path))
        written.append(path)
        return len(data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ConfigError, match=os.strerror(code)):
        export(both, "masks", tmp_path / "out", replace=True)
    assert len(written) == 3
    assert everything_below(tmp_path) == before


def test_export_whose_last_step_fails_puts_the_earlier_one_back(tmp_path, both, monkeypatch) -> None:
    export(both, "csv", tmp_path / "out")
    before = everything_below(tmp_path)
    rename = Path.rename

    def fails_for_the_new(path: Path, target: Path) -> Path:
        if path.name.endswith(".part"):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails_for_the_new)
    with pytest.raises(ConfigError, match="cannot be written"):
        export(both, "masks", tmp_path / "out", replace=True)
    assert everything_below(tmp_path) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_export_into_a_folder_without_permission_is_refused(tmp_path, both) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(ConfigError, match="cannot be written"):
        export(both, "csv", tmp_path / "locked" / "out")


def test_export_by_a_link_replaces_what_it_leads_to(tmp_path, both) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    export(both, "csv", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "objects.csv").is_file()


def test_export_pictures_of_one_name_get_names_of_their_own(tmp_path, thing) -> None:
    pictures = [Picture.from_array(np.full((9, 9, 3), shade, np.uint8), "Shelf.png") for shade in (10, 20, 30)]
    pictures[2] = Picture.from_array(pictures[2].array, "shelf-2.png")
    things = [thing("m1", "can", 0.5, (0, 0, 9, 9), None)]
    export([(picture, things) for picture in pictures], "yolo-detect", tmp_path / "out")
    shades = {path.name: int(np.asarray(Image.open(path))[0, 0, 0]) for path in (tmp_path / "out/images").iterdir()}
    assert shades == {"Shelf.png": 10, "Shelf-2.png": 20, "shelf-2-2.png": 30}


def test_export_one_picture_twice_in_pairs_is_written_twice(tmp_path, table, on_table) -> None:
    export([(table, on_table[:1]), (table, on_table[1:])], "masks", tmp_path / "out")
    files = {"out/table/m7.png", "out/table-2/m8.png"}
    assert files < everything_below(tmp_path)


@pytest.mark.parametrize("name", ["..", "con.png", 'a"b<c>|d*?.png', ".hidden", "  . ", "-rf.png", "x" * 300 + ".png"])
def test_export_picture_of_an_odd_name_stays_in_the_folder(tmp_path, thing, name) -> None:
    picture = Picture.from_array(np.zeros((9, 9, 3), np.uint8), name)
    result = export({picture: [thing("m1", "can", 0.5, (0, 0, 9, 9), None)]}, "coco", tmp_path / "out")
    image = next(path for path in result.files if path.suffix == ".png")
    assert image.parent == tmp_path / "out" / "images"
    assert image.name[0] not in ".-"
    assert image.stem.lower() != "con"
    assert not set(image.name) & set('"<>|*?:\\')


@pytest.mark.parametrize("images", ["png", "jpeg"])
def test_export_images_carry_no_metadata_of_the_photograph(tmp_path, images) -> None:
    noise = np.random.default_rng(1).integers(90, 160, (30, 20, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x010E] = "secret description"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 0.0)
    target = BytesIO()
    Image.fromarray(noise).save(target, "JPEG", exif=exif, comment=b"secret comment")
    assert b"secret" in target.getvalue()
    picture = Picture.from_bytes(target.getvalue(), "home.jpg")
    assert (picture.width, picture.height) == (30, 20)
    result = export({picture: []}, "coco", tmp_path / "out", images=images)
    file = next(path for path in result.files if path.suffix in (".png", ".jpg"))
    assert b"secret" not in file.read_bytes()
    written = Image.open(file)
    assert not written.getexif()
    assert written.size == (30, 20)
    difference = np.abs(np.asarray(written, int) - picture.array)
    assert difference.max() <= (0 if images == "png" else 24)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"kind": "pascal"}, "kind='pascal' is unknown"),
        ({"images": "gif"}, "images='gif' is unknown"),
        ({"outline": "dots"}, "outline='dots' is unknown"),
        ({"margin": -1}, "margin=-1 is negative"),
        ({"categories": ["mug"]}, "lack"),
        ({"categories": ["mug", "mug"]}, "repeat"),
    ],
)
def test_export_wrong_choice_is_refused_before_anything_is_written(tmp_path, both, choice, message) -> None:
    with pytest.raises(ToolInputError, match=message):
        export(both, **{"kind": "coco", "folder": tmp_path / "out", **choice})
    assert list(tmp_path.iterdir()) == []


def test_export_object_of_another_picture_is_refused(tmp_path, table, on_shelf) -> None:
    with pytest.raises(ToolInputError, match=r"m1 mask size=\[90, 130\] is not that of table.png"):
        export({table: on_shelf}, "csv", tmp_path / "out")


def test_export_picture_too_long_for_jpeg_is_refused(tmp_path, both, monkeypatch) -> None:
    monkeypatch.setattr(image_files, "_LONGEST_JPEG", 100)
    with pytest.raises(ToolInputError, match="shelf 1 with a side of 130"):
        export(both, "coco", tmp_path / "out", images="jpeg")
    assert list(tmp_path.iterdir()) == []


def test_exporting_imports_neither_torch_nor_supervision() -> None:
    code = (
        "import sys, agent_tools.exporting; print(sorted({'torch', 'transformers', 'supervision'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
