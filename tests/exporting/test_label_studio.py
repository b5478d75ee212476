"""Label Studio exports: the brush encoding against a reader written from its description, the rest against its schema.

label-studio-sdk, which has a reader of its own, brings opencv-python beside our headless one and forty packages more.
"""

import json
import xml.etree.ElementTree as ElementTree
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent_tools.exporting import export
from agent_tools.exporting.label_studio import brush_rle
from agent_tools.masks import Mask


def read_brush(rle: list[int], height: int, width: int) -> np.ndarray:
    """The alpha channel of a brush region, (H, W) uint8; one run at a time, from the format's description."""
    text = "".join(f"{byte:08b}" for byte in rle)
    at = 0

    def take(bits: int) -> int:
        nonlocal at
        piece, at = text[at : at + bits], at + bits
        assert len(piece) == bits
        return int(piece, 2)

    number, word = take(32), take(5) + 1
    widths = [take(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < number:
        is_run = take(1)
        length = take(widths[take(2)]) + 1
        values += [take(word)] * length if is_run else [take(word) for _ in range(length)]
    assert len(values) == number == height * width * 4
    assert len(text) - at < 8
    channels = np.array(values, np.uint8).reshape(height, width, 4)
    assert (channels == channels[..., :1]).all()
    return channels[..., 3]


def tasks(folder) -> list[dict]:
    return json.loads((folder / "tasks.json").read_text(encoding="utf-8"))


def regions(folder) -> dict[str, dict]:
    return {each["meta"]["text"][0]: each for task in tasks(folder) for each in task["predictions"][0]["result"]}


@given(arrays(bool, st.tuples(st.integers(1, 30), st.integers(1, 30))))
def test_brush_rle_any_mask_reads_back_as_255_inside(array: np.ndarray) -> None:
    assert (read_brush(brush_rle(Mask.from_array(array)), *array.shape) == array * 255).all()


@pytest.mark.parametrize("width", [4, 16, 64, 1024, 16_384, 16_385, 40_000])
def test_brush_rle_run_at_and_over_each_width_reads_back(width: int) -> None:
    array = np.zeros((3, width), bool)
    array[1] = True
    assert (read_brush(brush_rle(Mask.from_array(array)), *array.shape) == array * 255).all()


def test_label_studio_brush_regions_read_back_as_the_masks(tmp_path, both) -> None:
    read = regions(export(both, "label-studio", tmp_path / "out").folder)
    for things in both.values():
        for thing in things:
            region = read[thing.handle]
            if thing.mask is None:
                continue
            assert (region["type"], region["from_name"]) == ("brushlabels", "brushlabels")
            assert region["value"]["brushlabels"] == [thing.label]
            assert region["value"]["format"] == "rle"
            size = region["original_height"], region["original_width"]
            assert (read_brush(region["value"]["rle"], *size) == thing.mask.to_array() * 255).all()
            assert region.get("score") == thing.score


def test_label_studio_object_without_a_mask_is_a_rectangle_in_per_cent(tmp_path, both) -> None:
    region = regions(export(both, "label-studio", tmp_path / "out").folder)["m6"]
    assert region["type"] == "rectanglelabels"
    value = region["value"]
    assert value["rectanglelabels"] == ["can"]
    assert [value["x"] * 1.3, value["y"] * 0.9] == pytest.approx([100.5, 30.25])
    assert [value["width"] * 1.3, value["height"] * 0.9] == pytest.approx([29.5, 19.75])
    assert value["rotation"] == 0


def test_label_studio_boxes_when_asked_are_all_rectangles(tmp_path, both) -> None:
    read = regions(export(both, "label-studio", tmp_path / "out", outline="box").folder)
    assert {each["type"] for each in read.values()} == {"rectanglelabels"}
    assert len(read) == 8


def test_label_studio_polygons_when_asked_outline_the_masks(tmp_path, shelf, on_shelf) -> None:
    result = export({shelf: on_shelf}, "label-studio", tmp_path / "out", outline="polygon")
    value = regions(result.folder)["m3"]["value"]
    assert value["polygonlabels"] == ["mug"]
    corners = np.array(value["points"]) * (1.3, 0.9)
    assert sorted(map(tuple, corners.round(6))) == [(115.5, 70.5), (115.5, 89.5), (129.5, 70.5), (129.5, 89.5)]
    assert "m2" in {each.handle for each in result.approximated}


def test_label_studio_configuration_declares_all_that_the_tasks_use(tmp_path, both) -> None:
    folder = export(both, "label-studio", tmp_path / "out").folder
    view = ElementTree.parse(folder / "label_config.xml").getroot()
    image = view.find("Image")
    assert (image.get("name"), image.get("value")) == ("image", "$image")
    for region in regions(folder).values():
        tag = next(each for each in view if each.get("name") == region["from_name"])
        assert tag.tag.lower() == region["type"]
        assert tag.get("toName") == region["to_name"]
        assert region["value"][region["type"]][0] in [label.get("value") for label in tag]


def test_label_studio_label_with_markup_stays_a_label(tmp_path, table, thing) -> None:
    label = 'a "mug" <b> & \'c\'/><Label value="x"'
    folder = export({table: [thing("m1", label, None, (0, 0, 9, 9), None)]}, "label-studio", tmp_path / "out").folder
    view = ElementTree.parse(folder / "label_config.xml").getroot()
    assert [each.get("value") for each in view.iter("Label")] == [label] * 3


def test_label_studio_regions_have_ids_of_their_own(tmp_path, shelf, table, thing) -> None:
    things = [thing("m1", "can", 0.5, (0, 0, 9, 9), None)]
    folder = export({shelf: things, table: things}, "label-studio", tmp_path / "out").folder
    ids = [each["id"] for task in tasks(folder) for each in task["predictions"][0]["result"]]
    assert len(set(ids)) == 2


def test_label_studio_addresses_lead_to_the_images(tmp_path, both) -> None:
    folder = export(both, "label-studio", tmp_path / "out", image_prefix="https://pictures.example/").folder
    addresses = [task["data"]["image"] for task in tasks(folder)]
    assert addresses[0] == "https://pictures.example/images/shelf%201.png"
    assert all((folder / unquote(each.removeprefix("https://pictures.example/"))).is_file() for each in addresses)
