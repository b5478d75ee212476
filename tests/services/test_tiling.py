"""Closer looks with an exact detector: it reports what a window shows, so that every count must come out exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from transformers.image_utils import SizeDict

from agent_tools.masks import box_iou
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Detector
from agent_tools.services.checkpoints import TilingSettings
from agent_tools.services.tiling import InputSize, TiledDetector

INPUT = InputSize(192, 256)
ALWAYS = TilingSettings(small=1.0, many=1)


def chart(width: int, height: int) -> Picture:
    """A picture of which every pixel says where it is, so that a window of it can be recognised."""
    x, y = np.arange(width), np.arange(height)[:, None]
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = x % 256, y % 256, x // 256 * 16 + y // 256
    return Picture(f"{width} x {height}", width, height, pixels)


def window_of(picture: Picture) -> NDArray[np.float32]:
    """(4,) where the picture lies in the chart."""
    x, y, high = (int(value) for value in picture.array[0, 0])
    left, top = high // 16 * 256 + x, high % 16 * 256 + y
    return np.array([left, top, left + picture.width, top + picture.height], np.float32)


class Exact:
    """Sees the things of a chart, cut off at the window, a little off and with any score from 0.55 up.

    Attributes:
        seen: the window of every picture it was asked about.
        forgotten: every digest it was told to forget.
    """

    def __init__(
        self, things: NDArray[np.float32], wobble: float = 0.03, room: int = 10_000, least: float = 0.0
    ) -> None:
        """Remembers the truth.

        Args:
            things: (N, 4) float32, in pixels of the chart.
            wobble: how far off each side of a box may be, as a share of the thing's.
            room: most boxes of one answer; from 0.8 of it on the answer is saturated.
            least: size below which it sees nothing, in pixels of the model's input.
        """
        self.things, self.wobble, self.room, self.least = things, wobble, room, least
        self.threshold = 0.5
        self.precision_curve = ((0.1, 0.2), (0.9, 1.0))
        self.seen: list[NDArray[np.float32]] = []
        self.calls: list[int] = []
        self.digests: list[str] = []
        self.forgotten: list[str] = []
        self._rng = np.random.default_rng(0)

    def forget(self, digest: str) -> None:
        self.forgotten.append(digest)

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        self.calls.append(len(pictures))
        return [self._look(picture) for picture in pictures]

    def _look(self, picture: Picture) -> Detections:
        window = window_of(picture)
        self.seen.append(window)
        self.digests.append(picture.digest)
        size = np.minimum(self.things[:, 2:] - self.things[:, :2], picture.width + picture.height)
        moved = self.things + self._rng.uniform(-self.wobble, self.wobble, self.things.shape) * np.tile(size, 2)
        low = np.maximum(moved[:, :2], window[:2])
        boxes = np.concatenate([low, np.minimum(moved[:, 2:], window[2:])], 1)
        shown = boxes[:, 2:] - boxes[:, :2]
        scale = INPUT.scale(picture.width, picture.height)
        visible = (shown > 0).all(1) & (shown.clip(0).prod(1) >= 0.15 * size.prod(1))
        rows = np.flatnonzero(visible & (scale * np.sqrt(size.prod(1)) >= self.least))
        full = len(rows) >= 0.8 * self.room
        rows = rows[np.argsort(-size[rows].prod(1), kind="stable")][: self.room]
        scores = self._rng.uniform(0.55, 0.95, len(rows))
        return Detections(
            (boxes[rows] - np.tile(window[:2], 2)).astype(np.float32),
            scores.astype(np.float32),
            np.zeros(len(rows), np.int64),
            saturated=full,
        )


def layout(
    rng: np.random.Generator, number: int, width: int, height: int, sizes: tuple[float, float], crowding: float = 0.25
) -> NDArray[np.float32]:
    """Things at random places, none overlapping another by more than an IoU of `crowding`."""
    placed: list[NDArray[np.float32]] = []
    for _ in range(60 * number):
        w, h = rng.uniform(*sizes, 2)
        x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
        box = np.array([x, y, x + w, y + h], np.float32)
        if not placed or box_iou(box[None], np.array(placed)).max() <= crowding:
            placed.append(box)
        if len(placed) == number:
            break
    return np.array(placed, np.float32)


def counted(detector: Detector, width: int, height: int) -> Detections:
    (found,) = detector.detect([chart(width, height)], [["thing"]])
    return found


def assert_each_once(found: Detections, things: NDArray[np.float32]) -> None:
    """Every thing has one box of its own, and there is no other box."""
    assert len(found.scores) == len(things)
    best = box_iou(found.boxes, things)
    assert sorted(best.argmax(1).tolist()) == list(range(len(things)))
    assert best.max(1).min() > 0.7


@pytest.mark.parametrize("seed", range(8))
def test_tiled_random_small_things_are_each_counted_once(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, height = int(rng.integers(500, 1400)), int(rng.integers(400, 1200))
    things = layout(rng, int(rng.integers(5, 90)), width, height, (14, 50))
    exact = Exact(things)
    found = counted(TiledDetector(exact, INPUT, ALWAYS), width, height)
    assert len(exact.seen) > 1
    assert_each_once(found, things)


@pytest.mark.parametrize("seed", range(8))
def test_tiled_things_of_all_sizes_are_each_counted_once(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    things = np.concatenate([layout(rng, 4, 1000, 750, (150, 450), 0.05), layout(rng, 40, 1000, 750, (14, 90), 0.1)])
    alike = np.triu(box_iou(things, things), 1).max(0) > 0.3
    things = things[~alike]
    found = counted(TiledDetector(Exact(things), INPUT, ALWAYS), 1000, 750)
    assert_each_once(found, things)


@pytest.mark.parametrize("seed", range(5))
def test_tiled_detector_that_runs_out_of_room_and_sees_no_small_things_counts_all(seed: int) -> None:
    rng = np.random.default_rng(200 + seed)
    things = layout(rng, 150, 1200, 900, (20, 60), 0.1)
    exact = Exact(things, room=60, least=4)
    assert counted(exact, 1200, 900).saturated
    found = counted(TiledDetector(exact, INPUT), 1200, 900)
    assert not found.saturated
    assert_each_once(found, things)


def test_tiled_thing_wider_than_any_tile_is_put_together_from_its_pieces_where_the_whole_look_was_full() -> None:
    rng = np.random.default_rng(5)
    things = layout(rng, 100, 1200, 400, (20, 40), 0.0)
    things = np.concatenate([things[things[:, 1] < 300], np.array([[100, 340, 1100, 395]], np.float32)])

    class ShortSighted(Exact):
        """Fills up with small things first."""

        def _look(self, picture: Picture) -> Detections:
            found = super()._look(picture)
            wide = found.boxes[:, 2] - found.boxes[:, 0] > 0.7 * 1200
            if not wide.any():
                return found
            return Detections(found.boxes[~wide], found.scores[~wide], found.phrase_indices[~wide], found.saturated)

    things = things[things[:, 3] < 399]
    found = counted(TiledDetector(ShortSighted(things, room=60, wobble=0.01), INPUT), 1200, 400)
    assert_each_once(found, things)


def test_tiled_plain_picture_costs_one_look_and_its_answer_is_left_alone() -> None:
    things = layout(np.random.default_rng(1), 6, 960, 720, (150, 260))
    exact = Exact(things)
    found = counted(TiledDetector(exact, INPUT, TilingSettings(small=0.146)), 960, 720)
    assert (len(exact.seen), len(found.scores)) == (1, len(things))


@pytest.mark.parametrize(
    ("number", "size", "looks_closer"), [(40, (20, 30), True), (20, (115, 150), False), (2, (20, 30), False)]
)
def test_tiled_looks_closer_at_many_small_things_only(
    number: int, size: tuple[float, float], looks_closer: bool
) -> None:
    exact = Exact(layout(np.random.default_rng(2), number, 960, 720, size))
    counted(TiledDetector(exact, INPUT, TilingSettings(small=0.146)), 960, 720)
    assert (len(exact.seen) > 1) == looks_closer


def test_tiled_without_settings_looks_closer_at_saturated_pictures_only() -> None:
    things = layout(np.random.default_rng(3), 40, 960, 720, (20, 30))
    roomy, full = Exact(things), Exact(things, room=45)
    counted(TiledDetector(roomy, INPUT), 960, 720)
    counted(TiledDetector(full, INPUT), 960, 720)
    assert len(roomy.seen) == 1
    assert len(full.seen) > 1


def test_tiled_picture_still_too_full_says_saturated() -> None:
    things = layout(np.random.default_rng(4), 200, 300, 220, (8, 12), 0.0)
    assert counted(TiledDetector(Exact(things, room=20), INPUT), 300, 220).saturated
    assert not counted(TiledDetector(Exact(things, room=2000), INPUT), 300, 220).saturated


def test_tiled_windows_cover_the_picture_are_not_too_many_and_overlap() -> None:
    for width, height in ((2400, 1800), (600, 1600), (2000, 300), (700, 500)):
        exact = Exact(np.array([[10, 10, 12, 12]], np.float32), wobble=0)
        counted(TiledDetector(exact, INPUT, TilingSettings(small=1, many=1, most=12)), width, height)
        tiles = np.array(exact.seen[1:]).astype(int)
        assert 2 <= len(tiles) <= 12
        covered = np.zeros((height, width), np.int8)
        for x0, y0, x1, y1 in tiles:
            covered[y0:y1, x0:x1] += 1
        assert covered.min() >= 1
        assert (tiles[:, 2] - tiles[:, 0]).max() < width or (tiles[:, 3] - tiles[:, 1]).max() < height
        assert (covered > 1).mean() > 0.05


def test_tiled_pictures_of_one_request_send_all_their_tiles_in_one() -> None:
    things = layout(np.random.default_rng(6), 30, 700, 500, (20, 40))
    exact = Exact(things)
    pictures = [chart(700, 500), chart(900, 700)]
    answers = TiledDetector(exact, INPUT, ALWAYS).detect(pictures, [["thing"], ["thing"]])
    assert [len(found.scores) for found in answers] == [len(things)] * 2
    assert len(exact.calls) == 2
    assert exact.calls[0] == 2


def test_tiled_forgotten_picture_has_its_tiles_forgotten_and_no_other() -> None:
    things = layout(np.random.default_rng(7), 30, 700, 500, (20, 40))
    exact = Exact(things)
    detector = TiledDetector(exact, INPUT, ALWAYS)
    mine, other = chart(700, 500), chart(900, 700)
    detector.detect([mine], [["thing"]])
    looked_at = set(exact.digests)
    detector.detect([other], [["thing"]])
    detector.forget(mine.digest)
    assert set(exact.forgotten) == looked_at
    assert len(looked_at) == len(set(exact.digests[: len(looked_at)])) > 1


def test_tiled_same_picture_again_has_the_same_tiles() -> None:
    exact = Exact(layout(np.random.default_rng(8), 30, 700, 500, (20, 40)), wobble=0)
    detector = TiledDetector(exact, INPUT, ALWAYS)
    counted(detector, 700, 500)
    once = list(exact.digests)
    counted(detector, 700, 500)
    assert exact.digests == once * 2


def test_tiled_passes_on_what_the_wrapped_detector_has() -> None:
    exact = Exact(np.zeros((0, 4), np.float32))
    detector = TiledDetector(exact, INPUT, ALWAYS)
    assert isinstance(detector, Detector)
    assert detector.precision_curve is exact.precision_curve
    detector.threshold = 0.7
    assert exact.threshold == 0.7
    assert len(counted(detector, 500, 400).scores) == 0


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"shortest_edge": 800, "longest_edge": 1333}, (800, 1333)),
        ({"shortest_edge": 300}, (300, 600)),
        ({"height": 640, "width": 960}, (640, 960)),
    ],
)
def test_input_size_is_read_from_a_picture_processor(given: dict[str, int], size: tuple[int, int]) -> None:
    assert InputSize.of(SizeDict(**given)) == InputSize(*size)


def test_tiled_things_small_in_a_picture_hardly_larger_than_the_input_cost_one_look() -> None:
    exact = Exact(layout(np.random.default_rng(9), 40, 320, 240, (12, 24)))
    counted(TiledDetector(exact, INPUT, TilingSettings(small=0.146)), 320, 240)
    assert len(exact.seen) == 1


def test_tiled_keeps_whatever_else_the_first_look_says() -> None:
    class Told(Exact):
        def _look(self, picture: Picture) -> Detections:
            return replace(super()._look(picture), unknown={1: "has no word for it"})

    things = layout(np.random.default_rng(10), 30, 700, 500, (20, 40))
    (found,) = TiledDetector(Told(things), INPUT, ALWAYS).detect([chart(700, 500)], [["thing", "unicorn"]])
    assert (len(found.scores), found.unknown) == (30, {1: "has no word for it"})


def test_tiled_detector_that_remembers_nothing_can_be_told_to_forget() -> None:
    class Bare:
        threshold = 0.5

        def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
            return [Detections.none() for _ in pictures]

    TiledDetector(Bare(), INPUT).forget("x")
