"""Products within others, and products that only their colour tells apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from agent_tools.pictures import Picture
from agent_tools.services.base import Detections
from agent_tools.services.fakes import FakeDetector
from agent_tools.shelves.counting import corrected, count_shelf
from agent_tools.shelves.products import Example, Product, covers
from agent_tools.shelves.results import Correction, ShelfCount
from tests.shelves.drawn import draw

BOOK = Product("all", ("book",))
BLUE = Product("blue", ("book",), colour="blue")
RED = Product("red", ("book",), colour="red")


class Shapes:
    """Sees every drawn thing as a book, whatever its colour, and reads no colours."""

    threshold = 0.5

    def __init__(self, boxes: np.ndarray) -> None:
        self._boxes = boxes.astype(np.float32)

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        boxes, claimed = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.int64)]
        for index, phrase in enumerate(phrases[0]):
            if phrase == "book":
                boxes.append(self._boxes)
                claimed.append(np.full(len(self._boxes), index))
        every = np.concatenate(boxes)
        return [Detections(every, np.full(len(every), 0.9, np.float32), np.concatenate(claimed))]


def totals(count: ShelfCount) -> dict[str, int]:
    return {each.sku: each.n for each in count.counts if each.row == 0}


@pytest.fixture
def shelf() -> tuple[Picture, Shapes]:
    """A row of three blue and two red things, and one green one."""
    array = np.full((120, 480, 3), 200, np.uint8)
    colours = [(30, 60, 200)] * 3 + [(200, 30, 30)] * 2 + [(30, 160, 40)]
    boxes = np.array([[20 + 75 * place, 20, 70 + 75 * place, 100] for place in range(6)])
    for (x0, y0, x1, y1), colour in zip(boxes, colours, strict=True):
        array[y0:y1, x0:x1] = colour
    return Picture.from_array(array), Shapes(boxes)


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        (BOOK, BLUE, True),
        (BLUE, BOOK, False),
        (BLUE, RED, False),
        (BOOK, BOOK, False),
        (Product("1", ("apple",)), Product("2", ("red apple",)), True),
        (Product("1", ("apple", "pear")), Product("2", ("red apple", "pear")), True),
        (Product("1", ("apple",)), Product("2", ("pear",)), False),
        (Product("1", ("can",), examples=(Example("a.jpg"),)), Product("2", ("red can",)), False),
        (Product("1", ("can",)), Product("2", ()), False),
    ],
)
def test_covers_is_true_of_a_product_within_a_wider_one(wide: Product, narrow: Product, expected: bool) -> None:
    assert covers(wide, narrow) is expected


def test_count_shelf_by_colour_tells_apart_what_the_detector_cannot(shelf: tuple[Picture, Shapes]) -> None:
    picture, detector = shelf
    assert totals(count_shelf(picture, [BLUE, RED], detector)) == {"blue": 3, "red": 2}


def test_count_shelf_of_a_product_within_another_counts_it_as_both(shelf: tuple[Picture, Shapes]) -> None:
    picture, detector = shelf
    assert totals(count_shelf(picture, [BOOK, BLUE, RED], detector)) == {"all": 6, "blue": 3, "red": 2}


def test_corrected_thing_added_to_a_product_stays_one_of_the_wider_product(shelf: tuple[Picture, Shapes]) -> None:
    picture, detector = shelf
    products = [BOOK, BLUE, RED]
    count = count_shelf(picture, products, detector)
    green = next(each.box for each in count.objects if each.sku == "all" and each.box[0] > 390)
    assert totals(corrected(count, Correction(added=(("blue", green),)), products)) == {"all": 6, "blue": 4, "red": 2}
    red = next(each.box for each in count.objects if each.sku == "red" and each.counted)
    assert totals(corrected(count, Correction(added=(("blue", red),)), products)) == {"all": 6, "blue": 4, "red": 1}


def test_count_shelf_of_two_products_alike_counts_each_thing_once() -> None:
    drawn = draw(["rrr"])
    products = [Product("1", ("red",)), Product("2", ("red",))]
    assert sum(totals(count_shelf(drawn.picture, products, FakeDetector())).values()) == 3
