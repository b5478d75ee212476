"""Masks, label maps and cut-outs, read back with Pillow."""

import json

import numpy as np
import pytest
from PIL import Image

from agent_tools.errors import ToolInputError
from agent_tools.exporting import export
from agent_tools.label_maps import edge_map, instance_map, semantic_map


def test_masks_read_by_pillow_are_black_and_white_and_equal_the_originals(tmp_path, both) -> None:
    result = export(both, "masks", tmp_path / "out")
    for name, things in zip(["shelf 1", "table"], both.values(), strict=True):
        for thing in things:
            if thing.mask is not None:
                image = Image.open(tmp_path / "out" / name / f"{thing.handle}.png")
                assert image.mode == "L"
                assert (np.asarray(image) == thing.mask.to_array() * 255).all()
    assert [each.handle for each in result.left_out] == ["m6"]


def test_label_maps_read_by_pillow_hold_the_ids_of_the_table(tmp_path, both) -> None:
    folder = export(both, "label-maps", tmp_path / "out").folder
    content = json.loads((folder / "segments.json").read_text())
    assert content["categories"] == ["mug", "can", "crumb", "shelf edge"]
    for (name, table), (picture, things) in zip(content["pictures"].items(), both.items(), strict=True):
        size = picture.height, picture.width
        for kind, made in (
            ("instance", instance_map(things, *size, content["categories"])),
            ("semantic", semantic_map(things, *size, content["categories"])),
        ):
            image = Image.open(folder / kind / f"{name}.png")
            assert image.mode.startswith("I;16")
            ids = np.asarray(image)
            assert (ids == made.ids).all()
            assert {row["id"]: row["area"] for row in table[kind]} == {
                row["id"]: int((ids == row["id"]).sum()) for row in table[kind]
            }


def test_label_maps_name_what_is_covered_and_what_has_no_mask(tmp_path, both) -> None:
    result = export(both, "label-maps", tmp_path / "out")
    assert {each.handle for each in result.left_out} == {"m6", "m8"}
    content = json.loads((result.folder / "segments.json").read_text())
    hidden = [row["handles"] for row in content["pictures"]["table"]["instance"] if row["hidden"]]
    assert hidden == [["m8"]]


def test_label_maps_id_beyond_sixteen_bits_is_refused_and_leaves_nothing(tmp_path, table, thing, on_table) -> None:
    late = thing("m65536", "can", 0.5, on_table[0].box, on_table[0].mask)
    with pytest.raises(ToolInputError, match="numbered 65536"):
        export({table: [late]}, "label-maps", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_cut_outs_alpha_equals_the_mask_and_colours_the_picture(tmp_path, both) -> None:
    result = export(both, "cut-outs", tmp_path / "out")
    for name, (picture, things) in zip(["shelf 1", "table"], both.items(), strict=True):
        for thing in things:
            if thing.mask is None:
                continue
            image = Image.open(tmp_path / "out" / name / f"{thing.handle}.png")
            assert image.mode == "RGBA"
            pixels = np.asarray(image)
            x0, y0, x1, y1 = (int(side) for side in thing.mask.box)
            inside = thing.mask.to_array()[y0:y1, x0:x1]
            assert (pixels[..., 3] == inside * 255).all()
            assert (pixels[inside, :3] == picture.array[y0:y1, x0:x1][inside]).all()
            assert not pixels[~inside].any()
    assert [each.handle for each in result.left_out] == ["m6"]


def test_cut_outs_margin_is_transparent_all_round(tmp_path, shelf, on_shelf) -> None:
    export({shelf: on_shelf[2:3]}, "cut-outs", tmp_path / "out", margin=3)
    alpha = np.asarray(Image.open(tmp_path / "out" / "shelf 1" / "m3.png"))[..., 3]
    expected = np.pad(np.full((20, 15), 255), 3)
    assert (alpha == expected).all()


def test_edges_read_by_pillow_are_the_edge_map(tmp_path, both) -> None:
    result = export(both, "edges", tmp_path / "out")
    for (picture, things), name in zip(both.items(), ["shelf 1", "table"], strict=True):
        image = Image.open(tmp_path / "out" / f"{name}-edges.png")
        assert image.mode == "L"
        assert (np.asarray(image) == edge_map(things, picture.height, picture.width)).all()
        assert np.asarray(image).any()
    assert [each.handle for each in result.left_out] == ["m6"]
