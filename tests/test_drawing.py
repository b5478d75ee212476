"""Drawing: what is found is marked where it is, numbered readably, and nothing else changes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from agent_tools import drawing
from agent_tools.drawing import PALETTE, colour_of, draw, encode_jpeg
from agent_tools.masks import Mask
from agent_tools.pictures import Picture


@dataclass(frozen=True)
class Thing:
    handle: str
    label: str
    box: tuple[float, float, float, float]
    mask: Mask | None = None


def grey(width: int = 640, height: int = 480) -> Picture:
    return Picture.from_array(np.full((height, width, 3), 128, np.uint8))


def disc(number: int, x: int, y: int, radius: int, label: str = "orange", size: tuple[int, int] = (640, 480)) -> Thing:
    inside = np.zeros((size[1], size[0]), np.uint8)
    cv2.circle(inside, (x, y), radius, 1, -1)
    mask = Mask.from_array(inside)
    return Thing(f"m{number}", label, mask.box, mask)


def changed(picture: Picture, drawn: np.ndarray) -> np.ndarray:
    return (drawn[: picture.height] != picture.array).any(2)


@pytest.fixture
def pills(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, int, int, int]]]:
    """Every number drawn and the rectangle of its pill."""
    texts: list[str] = []
    placed: list[tuple[str, tuple[int, int, int, int]]] = []
    pill, paste = drawing._pill, drawing._paste

    def spy_pill(text: str, size: int, colour: tuple[int, int, int]) -> np.ndarray:
        texts.append(text)
        return pill(text, size, colour)

    def spy_paste(canvas: np.ndarray, sprite: np.ndarray, x: int, y: int) -> None:
        placed.append((texts[-1], (x, y, x + sprite.shape[1], y + sprite.shape[0])))
        paste(canvas, sprite, x, y)

    monkeypatch.setattr(drawing, "_pill", spy_pill)
    monkeypatch.setattr(drawing, "_paste", spy_paste)
    return placed


def overlap(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def test_draw_changes_only_what_is_near_the_objects() -> None:
    picture = grey()
    drawn = draw(picture, [disc(1, 200, 200, 40)])
    touched = changed(picture, drawn)
    assert touched[200, 175]
    ys, xs = np.nonzero(touched)
    assert 150 < xs.min() < xs.max() < 250
    assert 150 < ys.min() < ys.max() < 250
    assert (picture.array == 128).all()


def test_draw_of_nothing_gives_the_picture() -> None:
    picture = grey()
    assert np.array_equal(draw(picture, []), picture.array)


def test_numbers_lie_inside_their_objects_and_count_up(pills: list) -> None:
    things = [disc(i + 1, 80 + 120 * (i % 5), 80 + 150 * (i // 5), 40) for i in range(12)]
    draw(grey(), things)
    assert sorted(int(text) for text, _ in pills) == list(range(1, 13))
    for text, (x0, y0, x1, y1) in pills:
        mask = things[int(text) - 1].mask
        assert mask is not None
        assert mask.contains((x0 + x1) / 2, (y0 + y1) / 2)


def test_number_of_a_ring_lies_on_the_ring_and_not_in_its_hole(pills: list) -> None:
    inside = np.zeros((480, 640), np.uint8)
    cv2.circle(inside, (300, 240), 150, 1, 50)
    mask = Mask.from_array(inside)
    draw(grey(), [Thing("m1", "wreath", mask.box, mask)])
    (_, (x0, y0, x1, y1)) = pills[0]
    assert mask.contains((x0 + x1) / 2, (y0 + y1) / 2)


@pytest.mark.parametrize(("count", "radius", "pitch"), [(20, 6, 26), (20, 9, 40), (60, 8, 44)])
def test_numbers_of_small_crowded_objects_do_not_overlap(pills: list, count: int, radius: int, pitch: int) -> None:
    things = [disc(i + 1, 60 + pitch * (i % 10), 60 + pitch * (i // 10), radius) for i in range(count)]
    draw(grey(), things)
    boxes = [box for _, box in pills]
    assert len(boxes) == count
    assert not any(overlap(a, b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(x0 >= 0 and y0 >= 0 and x1 <= 640 and y1 <= 480 for x0, y0, x1, y1 in boxes)
    assert min(y1 - y0 for _, y0, _, y1 in boxes) >= 12, "readable"


def test_numbers_grow_with_the_picture(pills: list) -> None:
    draw(grey(4000, 3000), [disc(1, 2000, 1500, 700, size=(4000, 3000))])
    (_, (_, y0, _, y1)) = pills[0]
    assert y1 - y0 > 100


def test_number_of_an_object_at_the_edge_stays_on_the_picture(pills: list) -> None:
    draw(grey(), [disc(1, 0, 0, 5), disc(2, 639, 479, 5), disc(3, 0, 479, 5)])
    assert all(x0 >= 0 and y0 >= 0 and x1 <= 640 and y1 <= 480 for _, (x0, y0, x1, y1) in pills)


def test_labels_are_numbered_one_after_the_other_and_explained_below(pills: list) -> None:
    things = [disc(1, 100, 100, 40, "apple"), disc(2, 250, 100, 40, "lemon"), disc(3, 400, 100, 40, "apple")]
    drawn = draw(grey(), things)
    centres = {text: (box[0] + box[2]) / 2 for text, box in pills}
    assert [round(centres[text], -1) for text in ("1", "2", "3")] == [100, 400, 250]
    assert drawn.shape[0] > 480
    assert draw(grey(), things, caption=False).shape[0] == 480
    assert draw(grey(), things[::2]).shape[0] == 480


def test_handles_are_drawn_where_asked_and_none_where_not(pills: list) -> None:
    draw(grey(), [disc(7, 100, 100, 40), disc(9, 300, 100, 40)], numbers="handles")
    assert {text for text, _ in pills} == {"m7", "m9"}
    pills.clear()
    draw(grey(), [disc(7, 100, 100, 40)], numbers=False)
    assert pills == []


def test_selection_is_drawn_in_full_and_the_rest_by_a_thin_line(pills: list) -> None:
    picture = grey()
    drawn = draw(picture, [disc(1, 100, 100, 40), disc(2, 300, 100, 40)], selection={"m2"})
    assert [text for text, _ in pills] == ["1"]
    touched = changed(picture, drawn)
    assert touched[100, 320]
    assert not touched[100, 100]
    assert touched[60, 100]


def test_box_without_a_mask_is_outlined_and_not_tinted() -> None:
    picture = grey()
    drawn = draw(picture, [Thing("m1", "book", (100, 100, 200, 300))], numbers=False)
    touched = changed(picture, drawn)
    assert touched[100, 150]
    assert touched[200, 100]
    assert not touched[200, 150]


@pytest.mark.parametrize(
    "box", [(-50, -50, 20, 20), (630, 470, 900, 900), (5, 5, 5, 5), (0, 0, 640, 480), (700, 500, 710, 510)]
)
def test_boxes_beyond_the_picture_do_no_harm(box: tuple[float, float, float, float]) -> None:
    empty = Mask.from_array(np.zeros((480, 640), np.uint8))
    assert draw(grey(), [Thing("m1", "x", box), Thing("m2", "x", box, empty)]).shape == (480, 640, 3)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 200), (24, 24)])
def test_tiny_pictures_can_be_drawn_on(width: int, height: int) -> None:
    mask = Mask.from_array(np.ones((height, width), np.uint8))
    drawn = draw(grey(width, height), [Thing("m1", "dot", mask.box, mask)])
    assert drawn.shape == (height, width, 3)


def test_preview_is_scaled_down_with_its_marks() -> None:
    picture = grey(2000, 1000)
    preview = draw(picture, [disc(1, 1000, 500, 200, size=(2000, 1000))], longest_side=500)
    assert preview.shape == (250, 500, 3)
    assert (preview[125, 210] != 128).any()
    assert (preview[20, 20] == 128).all()


def test_outline_shows_on_its_own_colour_on_black_and_on_white() -> None:
    for background in ((0, 0, 0), (255, 255, 255), colour_of("m1")):
        picture = Picture.from_array(np.full((480, 640, 3), background, np.uint8))
        drawn = draw(picture, [disc(1, 300, 240, 100)], numbers=False).astype(int)
        rim = drawn[240, 390:412]
        assert np.abs(np.diff(rim.sum(1))).max() > 150


def test_colour_belongs_to_the_handle() -> None:
    assert colour_of("m3") == colour_of("m3") != colour_of("m4")
    assert {colour_of(f"m{n}") for n in range(1, len(PALETTE) + 1)} == set(PALETTE)
    assert colour_of("odd") in PALETTE


def test_palette_is_told_apart_with_any_colour_deficiency() -> None:
    # Viénot, Brettel and Mollon's reduction for the three kinds of dichromat, on linear light.
    reductions = {
        "protan": ((0.1124, 0.8876, 0.0), (0.1124, 0.8876, 0.0), (0.004, -0.004, 1.0)),
        "deutan": ((0.2928, 0.7072, 0.0), (0.2928, 0.7072, 0.0), (-0.0223, 0.0223, 1.0)),
        "tritan": ((1.0, 0.1461, -0.1461), (0.0, 0.8579, 0.1421), (0.0, 0.8579, 0.1421)),
    }
    linear = (np.array(PALETTE) / 255) ** 2.2
    for kind, matrix in reductions.items():
        seen = (linear @ np.array(matrix).T).clip(0, 1) ** (1 / 2.2) * 255
        apart = np.abs(seen[:, None] - seen[None]).sum(2) + 999 * np.eye(len(seen))
        assert apart.min() > 30, f"{kind}: {np.unravel_index(apart.argmin(), apart.shape)} at {apart.min():.0f}"


def test_encode_jpeg_keeps_the_picture() -> None:
    pixels = draw(grey(), [disc(1, 300, 240, 100)])
    decoded = Picture.from_bytes(encode_jpeg(pixels)).array
    assert np.abs(decoded.astype(int) - pixels.astype(int)).mean() < 2
