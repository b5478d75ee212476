"""Looking closer: where it pays, all of the picture, and each thing once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from agent_tools.pictures import Picture
from agent_tools.services.base import Detections
from agent_tools.services.fakes import FakeDetector
from agent_tools.shelves.looking import MOST, OVERLAP, look_closely, things_in, windows_for
from tests.shelves.drawn import draw

Scored = tuple[tuple[float, float, float, float], float, int]


def found(*boxes: Scored, saturated: bool = False) -> Detections:
    """Box, score and number of the phrase of each."""
    return Detections(
        np.array([box for box, _, _ in boxes], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in boxes], np.float32),
        np.array([phrase for _, _, phrase in boxes], np.int64),
        saturated,
    )


def squares(side: float, number: int, saturated: bool = False) -> Detections:
    return found(*(((i * side, 0, (i + 1) * side, side), 0.9, 0) for i in range(number)), saturated=saturated)


def covered(windows: Sequence[tuple[int, int, int, int]], width: int, height: int) -> bool:
    seen = np.zeros((height, width), bool)
    for x0, y0, x1, y1 in windows:
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        seen[y0:y1, x0:x1] = True
    return bool(seen.all())


@pytest.mark.parametrize(
    ("size", "whole"),
    [
        ((640, 480), squares(120, 12)),
        ((1600, 1200), squares(30, 3)),
        ((640, 480), Detections.none()),
        ((400, 300), squares(5, 30)),
    ],
    ids=["large things", "few things", "nothing", "small picture"],
)
def test_windows_for_a_picture_that_shows_enough_are_none(size: tuple[int, int], whole: Detections) -> None:
    assert windows_for(*size, whole) == []


@pytest.mark.parametrize(
    ("width", "height", "whole"),
    [
        (1600, 1200, squares(90, 30)),
        (1200, 1600, squares(90, 30)),
        (4000, 3000, squares(60, 200)),
        (1600, 1200, squares(300, 12, saturated=True)),
        (1600, 1200, Detections.none()),
        (30_000, 2_000, Detections.none()),
        (2_000, 30_000, Detections.none()),
        (30_000, 2_000, squares(60, 200)),
        (30_000, 300, squares(30, 200)),
    ],
    ids=[
        "small",
        "upright",
        "tiny",
        "saturated",
        "far off",
        "panorama",
        "upright panorama",
        "of small things",
        "narrow",
    ],
)
def test_windows_cover_the_picture_overlap_and_are_bounded(width: int, height: int, whole: Detections) -> None:
    windows = windows_for(width, height, whole)

    assert 2 <= len(windows) <= MOST
    assert covered(windows, width, height)
    assert len(set(windows)) == len(windows)
    for low, high in ((0, 2), (1, 3)):
        starts = sorted({window[low] for window in windows})
        side = windows[0][high] - windows[0][low]
        assert all(after - before <= (1 - OVERLAP) * side + 2 for before, after in pairwise(starts))


def test_windows_are_the_smaller_the_smaller_the_things_are() -> None:
    sides = [
        min(x1 - x0 for x0, _, x1, _ in windows_for(3200, 2400, squares(side, 40))) for side in (300, 180, 120, 100)
    ]

    assert sides == sorted(sides, reverse=True)
    assert sides[0] > 1.5 * sides[-1]


class ShortSighted(FakeDetector):
    """Sees nothing that is less than a tenth as high as what it is shown, as a model that shrinks pictures does."""

    input_size = SimpleNamespace(shorter=100)
    room = 1000
    forgotten: list[str]

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        seen = []
        for picture, each in zip(pictures, super().detect(pictures, phrases), strict=True):
            clear = each.boxes[:, 3] - each.boxes[:, 1] >= picture.height / 10
            boxes, scores = each.boxes[clear], each.scores[clear]
            seen.append(Detections(boxes, scores, each.phrase_indices[clear], len(boxes) > self.room))
        return seen

    def forget(self, digest: str) -> None:
        self.forgotten = [*getattr(self, "forgotten", []), digest]


def test_look_closely_at_large_things_looks_once() -> None:
    detector, shelf = FakeDetector(), draw(["rrr", "ggg"])
    seen = look_closely(detector, shelf.picture, ["red", "green"])

    assert len(detector.calls) == 1
    assert sorted(map(tuple, seen.boxes.tolist())) == sorted(map(tuple, shelf.boxes.tolist()))


def test_look_closely_finds_what_the_whole_picture_shows_too_small() -> None:
    shelf = draw(["rrrrrrrr", "GGGGGGGG", "rrrrrrrr", "RRrrRRrr"])
    detector = ShortSighted()

    assert len(detector.detect([shelf.picture], [["red", "green"]])[0].boxes) == 20
    seen = look_closely(detector, shelf.picture, ["red", "green"])
    assert sorted(map(tuple, seen.boxes.tolist())) == sorted(map(tuple, shelf.boxes.tolist()))


def test_look_closely_at_small_things_gives_each_once_where_it_is() -> None:
    shelf = draw(["rgyo" * 6, "gggg" * 6, "yyrr" * 6, "oggr" * 6, "rrrr" * 6], pitch=60, slot=32, high=40)
    detector = ShortSighted()
    phrases = ["red", "green", "yellow", "orange"]
    seen = look_closely(detector, shelf.picture, phrases)

    told = sorted((phrases[i], *box) for i, box in zip(seen.phrase_indices.tolist(), seen.boxes.tolist(), strict=True))
    assert told == sorted((colour, *box) for _, colour, box in shelf.things)
    assert 2 < len(detector.calls) <= 1 + MOST
    assert detector.forgotten == [digest for digest, _ in detector.calls[1:]]


@pytest.mark.parametrize(("room", "full"), [(60, False), (6, True)])
def test_look_closely_at_a_saturated_picture_is_saturated_where_its_parts_are(room: int, full: bool) -> None:
    shelf = draw(["r" * 24] * 3, slot=20)
    detector = ShortSighted()
    detector.room = room

    assert detector.detect([shelf.picture], [["red"]])[0].saturated
    seen = look_closely(detector, shelf.picture, ["red"])
    assert len(detector.calls) > 2
    assert len(seen.boxes) == len(shelf.things)
    assert seen.saturated is full


def test_look_closely_keeps_why_phrases_were_not_asked() -> None:
    class Ignorant(ShortSighted):
        def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
            seen = super().detect(pictures, phrases)
            return [Detections(e.boxes, e.scores, e.phrase_indices, unknown={1: "has no word for it"}) for e in seen]

    detector = Ignorant()
    shelf = draw(["r" * 12] * 3, slot=40)

    assert look_closely(detector, shelf.picture, ["red", "unicorn"]).unknown == {1: "has no word for it"}
    assert len(detector.calls) > 1


THING = (0.0, 0.0, 20.0, 20.0)


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        ([(THING, 0.8, 0), ((1, 0, 21, 20), 0.9, 0)], [(1, 0, 21, 20)]),
        ([(THING, 0.8, 0), ((12, 0, 32, 20), 0.9, 0)], [(12, 0, 32, 20), THING]),
        ([(THING, 0.8, 0), ((0, 0, 20, 5), 0.7, 0)], [THING]),
        ([(THING, 0.8, 0), ((0, 14, 20, 30), 0.7, 0)], [THING, (0, 14, 20, 30)]),
        (
            [((x, 0, x + 20, 20), 0.8, 0) for x in (0, 20, 40)] + [((0, 0, 60, 20), 0.9, 0)],
            [(0, 0, 20, 20), (20, 0, 40, 20), (40, 0, 60, 20)],
        ),
        ([(THING, 0.8, 0), ((100, 0, 120, 20), 0.1, 0)], [THING, (100, 0, 120, 20)]),
        ([((5, 5, 5, 5), 0.8, 0)], [(5, 5, 5, 5)]),
        ([], []),
    ],
    ids=["duplicate", "neighbours", "part", "overlap", "group box", "near miss", "no area", "nothing"],
)
def test_things_in_gives_each_thing_once_the_surest_first(
    boxes: list[Scored], kept: list[tuple[float, float, float, float]]
) -> None:
    assert things_in(found(*boxes), 1, 0.5).boxes.tolist() == [list(map(float, box)) for box in kept]


def test_things_in_weak_boxes_make_no_group_of_a_hit() -> None:
    weak: list[Scored] = [((x, 0, x + 20, 20), 0.2, 0) for x in (0, 20, 40)]

    assert things_in(found(((0, 0, 60, 20), 0.9, 0), *weak), 1, 0.5).boxes.tolist() == [[0, 0, 60, 20]]


def test_things_in_keeps_every_rival_phrases_best_score_for_the_whole_thing() -> None:
    boxes: list[Scored] = [
        (THING, 0.6, 0),
        ((1, 1, 20, 20), 0.7, 1),
        ((0, 0, 20, 19), 0.4, 1),
        ((0, 0, 20, 8), 0.65, 2),  # of a part of it: no rival
        ((60, 0, 80, 20), 0.5, 2),
    ]
    things = things_in(found(*boxes), 4, 0.5)

    assert things.boxes.tolist() == [[1, 1, 20, 20], [60, 0, 80, 20]]
    assert things.scores == pytest.approx(np.array([[0.6, 0.7, 0, 0], [0, 0, 0.5, 0]]))
    assert things_in(found(), 4, 0.5).scores.shape == (0, 4)


def test_windows_show_a_detector_no_fewer_pixels_than_it_sees() -> None:
    things = squares(20, 40)

    assert windows_for(640, 480, things, least=400) == []
    assert windows_for(640, 480, things, least=100)
    assert all(min(x1 - x0, y1 - y0) >= 400 for x0, y0, x1, y1 in windows_for(3200, 2400, things, least=400))
