"""Whole counts: against the truth of rendered and drawn shelves, what is asked for, and what a person puts right."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent_tools.errors import PictureError
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections
from agent_tools.services.fakes import FakeDetector
from agent_tools.shelves.counting import corrected, count_shelf, expected_here
from agent_tools.shelves.looking import MOST
from agent_tools.shelves.products import Example, Expected, Product
from agent_tools.shelves.results import Correction, ProductCount, ShelfCount, ShelfObject
from tests.shelves.drawn import Shelf, draw
from tests.shelves.knowing import Knowing
from workflows.demo_models.shelf_calibration import phrase_of, shelf_visits

COLOURED = [Product(colour, (colour,)) for colour in ("red", "green", "yellow", "orange")]
NONE = "......."


class Worded:
    """Knows things by colour, and what each word gives a thing of a colour.

    Args:
        words: phrase → colour → score.
        unknown: phrases that it has no word for.
        saturated: whether it runs out of room.
    """

    threshold = 0.5

    def __init__(
        self, words: Mapping[str, Mapping[str, float]], unknown: Sequence[str] = (), saturated: bool = False
    ) -> None:
        self._words, self._unknown, self._saturated = words, unknown, saturated
        self._seeing = FakeDetector()

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [self._found(picture, asked) for picture, asked in zip(pictures, phrases, strict=True)]

    def _found(self, picture: Picture, phrases: Sequence[str]) -> Detections:
        boxes, scores, claimed = [np.zeros((0, 4), np.float32)], [0.0] * 0, [0] * 0
        for index, phrase in enumerate(phrases):
            for colour, score in self._words.get(phrase, {}).items():
                some = self._seeing.detect([picture], [[colour]])[0].boxes
                boxes.append(some)
                scores += [score] * len(some)
                claimed += [index] * len(some)
        unknown = {index: "has no word for it" for index, phrase in enumerate(phrases) if phrase in self._unknown}
        return Detections(
            np.concatenate(boxes), np.array(scores, np.float32), np.array(claimed, np.int64), self._saturated, unknown
        )


def in_rows(count: ShelfCount) -> dict[tuple[str, int], int]:
    return {(each.sku, each.row): each.n for each in count.counts if each.row}


def of(count: ShelfCount, sku: str, row: int = 0) -> ProductCount:
    return next(each for each in count.counts if (each.sku, each.row) == (sku, row))


def differences(count: ShelfCount) -> list[tuple[str, str, int, int]]:
    return sorted((each.kind, each.sku, each.row, each.found) for each in count.findings)


@pytest.mark.parametrize("first", [9_600_000, 9_600_001, 9_600_005])
def test_count_shelf_with_a_detector_that_sees_exactly_equals_the_truth_in_every_row(first: int) -> None:
    ((kinds, _, (scene,)),) = shelf_visits(first, shelves=1, visits=1)
    phrases = {kind: phrase_of(kind) for kind in kinds}
    count = count_shelf(
        Picture.from_array(scene.image), [Product(each, (each,)) for each in phrases.values()], Knowing(scene)
    )

    assert in_rows(count) == Counter((phrases[thing.noun, thing.colour], row) for row, thing in scene.objects)
    assert len(count.rows) == len(scene.plan)
    assert {each.sku: each.n for each in count.counts if not each.row} == {
        phrases[kind]: scene.count(kind) for kind in kinds
    }


@pytest.mark.parametrize(
    "shelf",
    [
        draw(["rrgg.yy", "ggggrrr", "yyy..oo"]),
        draw(["rrgg.yy", "ggggrrr", "yyy..oo"], slope=0.05),
        draw(["rrgg.yy", NONE, "yyy..oo", "ggggrrr"]),
        draw(["r" * 24, "rg" * 12, "y.y" * 8], slot=40, high=50),
        draw(["gggg", "rRRr", "yyyy", "oooo"]),
    ],
    ids=["level", "tilted", "empty row", "many", "piled"],
)
def test_count_shelf_of_a_drawn_shelf_equals_the_truth_in_every_row(shelf: Shelf) -> None:
    count = count_shelf(shelf.picture, COLOURED, FakeDetector())

    assert in_rows(count) == Counter((colour, row) for row, colour, _ in shelf.things)
    assert sorted(each.box for each in count.objects) == sorted(box for _, _, box in shelf.things)
    for each in count.counts:
        assert (each.low, each.high, each.review, each.saturated, each.why) == (each.n, each.n, False, False, ())
        assert each.confidence > 0.9
    assert count.findings == ()
    assert (count.width, count.height) == (shelf.array.shape[1], shelf.array.shape[0])


def test_count_shelf_twice_is_the_same_to_the_byte() -> None:
    ((kinds, planned, _),) = shelf_visits(9_600_001, shelves=1, visits=0)
    products = [Product(phrase_of(kind), (phrase_of(kind),), expected=(Expected(3, 4, 1),)) for kind in kinds]
    one, other = (
        json.dumps(asdict(count_shelf(Picture.from_array(planned.image), products, Knowing(planned, 0.6))))
        for _ in range(2)
    )

    assert one == other
    assert json.loads(one)["objects"]


@pytest.mark.timeout(120)
def test_count_shelf_of_a_panorama_counts_all_of_it_in_a_bounded_number_of_looks() -> None:
    shelf = draw(["rgyo." * 75], slot=80)
    detector = FakeDetector()
    count = count_shelf(shelf.picture, COLOURED, detector)

    assert shelf.array.shape[1] == 30_000
    assert {each.sku: each.n for each in count.counts if not each.row} == dict.fromkeys(
        ("red", "green", "yellow", "orange"), 75
    )
    assert 1 < len(detector.calls) <= 1 + MOST


def test_count_shelf_fills_in_what_the_detector_missed_and_says_so() -> None:
    ((kinds, planned, _),) = shelf_visits(9_600_002, shelves=1, visits=0)
    products = [Product(phrase_of(kind), (phrase_of(kind),)) for kind in kinds]
    row, missed = next((row, thing) for row, thing in planned.objects if thing.box[0] > 200 and thing.box[2] < 440)
    seen = replace(planned, objects=tuple(each for each in planned.objects if each[1] is not missed))
    count = count_shelf(Picture.from_array(planned.image), products, Knowing(seen))

    (filled,) = [each for each in count.objects if each.by == "neighbour" and each.counted]
    assert (filled.sku, filled.row) == (phrase_of((missed.noun, missed.colour)), row)
    assert of(count, filled.sku, row).n == planned.count((missed.noun, missed.colour), row)


def test_count_shelf_asks_only_for_what_may_stand_on_the_shelf() -> None:
    products = [
        Product("here", ("red",), expected=(Expected(2, 2, store="north", shelf="1"),)),
        Product("there", ("green",), expected=(Expected(2, 2, store="north", shelf="2"),)),
        Product("anywhere", ("yellow", "red")),
    ]
    shelf = draw(["rrgg", "ryyy"])
    detector = FakeDetector()
    count = count_shelf(shelf.picture, products, detector, store="north", shelf="1")

    assert {asked for _, asked in detector.calls} == {("red", "yellow")}
    assert {each.sku for each in count.counts} == {"here", "anywhere"}
    wanted, expected = expected_here(products, "south", "1")
    assert [product.sku for product in wanted] == ["anywhere"]
    assert expected == {}
    assert expected_here(products[:2], "south", "1") == (products[:2], {})


def test_count_shelf_against_a_plan_tells_missing_misplaced_and_gaps() -> None:
    products = [
        Product("red", ("red",), expected=(Expected(4, 4, 1),)),
        Product("green", ("green",), expected=(Expected(3, 3, -1),)),
        Product("yellow", ("yellow",), expected=(Expected(0, None),)),
    ]
    count = count_shelf(draw(["rr.ry", "gyyyg", "ygggy"]).picture, products, FakeDetector())

    assert differences(count) == [("gap", "red", 1, 0), ("misplaced", "green", 2, 2), ("missing", "red", 1, 3)]
    assert of(count, "green", 3).n == 3
    assert [each.confidence for each in count.findings] == sorted((e.confidence for e in count.findings), reverse=True)


def test_count_shelf_rows_of_the_plan_help_to_find_empty_rows() -> None:
    products = [
        Product(colour, (colour,), expected=(Expected(7, 7, row),))
        for row, colour in enumerate(("red", "green", "yellow", "orange"), start=1)
    ]
    shelf = draw(["rrrrrrr", NONE, NONE, "ooooooo"])
    count = count_shelf(shelf.picture, products, FakeDetector())

    assert in_rows(count) == {("red", 1): 7, ("green", 2): 0, ("yellow", 3): 0, ("orange", 4): 7}
    assert [each for each in differences(count) if each[0] == "missing"] == [
        ("missing", "green", 2, 0),
        ("missing", "yellow", 3, 0),
    ]
    assert {(each.sku, each.row) for each in count.findings if each.kind == "gap"} == {("green", 2), ("yellow", 3)}


def test_count_shelf_plan_tells_look_alikes_apart_and_makes_nothing_up() -> None:
    detector = Worded({"onion": {"red": 0.8}, "egg": {"red": 0.82}})
    shelf = draw(["rrrrr", "rrrrr"])
    plan = {"onion": (Expected(5, 5, 1),), "egg": (Expected(5, 5, 2),), "tin": (Expected(5, 5, 1),)}
    products = [Product(sku, (sku,), expected=expected) for sku, expected in plan.items()]
    count = count_shelf(shelf.picture, products, detector)

    assert in_rows(count) == {("onion", 1): 5, ("egg", 2): 5, ("tin", 1): 0}
    blind = count_shelf(shelf.picture, [replace(product, expected=()) for product in products], detector)
    assert in_rows(blind) == {("egg", 1): 5, ("egg", 2): 5}


def test_count_shelf_confidence_rises_where_the_count_is_as_expected_and_falls_where_it_differs() -> None:
    shelf, detector = draw(["rrrrr", "ggggg"]), Worded({"tin": {"red": 0.55}})

    def confidence(*expected: Expected) -> float:
        return of(count_shelf(shelf.picture, [Product("1", ("tin",), expected=expected)], detector), "1").confidence

    assert confidence(Expected(5, 5, 1)) > confidence() > confidence(Expected(9, 9, 1))


def test_count_shelf_doubtful_things_widen_the_range_and_ask_for_a_review() -> None:
    shelf = draw(["rrrrgg", "rrrrgg"])

    def told(green: float) -> tuple[int, int, int, tuple[str, ...]]:
        detector = Worded({"tin": {"red": 0.9, "green": green}})
        count = of(count_shelf(shelf.picture, [Product("1", ("tin",))], detector), "1")
        assert count.review is bool(count.why)
        return count.low, count.n, count.high, count.why

    assert told(0.1) == (8, 8, 8, ())
    assert told(0.25) == (8, 8, 10, ("it is not quite sure",))
    assert told(0.3) == (8, 8, 11, ("there may be 4 more",))
    assert told(0.36) == (9, 12, 12, ("4 counted are doubtful",))


def test_count_shelf_words_unknown_to_the_detector_are_told_and_not_missing() -> None:
    products = [
        Product("1", ("tin",), expected=(Expected(2, 2),)),
        Product("2", ("unicorn",), expected=(Expected(2, 2),)),
        Product("3", ("unicorn", "tin")),
        Product("4", ()),
    ]
    count = count_shelf(draw(["rr"]).picture, products, Worded({"tin": {"red": 0.9}}, unknown=["unicorn"]))

    assert count.unknown == {"2": "the detector has no word for it", "4": "it has no phrase to look for"}
    assert of(count, "2") == ProductCount(
        "2", 0, 0, 0, 0, 0.0, review=True, why=("not looked for: the detector has no word for it",)
    )
    assert {each.sku for each in count.findings} <= {"1"}


def test_count_shelf_product_with_neither_words_nor_examples_takes_nothing() -> None:
    count = count_shelf(draw(["rrg"]).picture, [*COLOURED[:2], Product("4", ())], FakeDetector())

    assert in_rows(count) == {("red", 1): 2, ("green", 1): 1}
    assert count.unknown == {"4": "it has no phrase to look for"}


@pytest.mark.parametrize("products", [COLOURED, [replace(COLOURED[0], expected=(Expected(2, 2, 1),))], []])
def test_count_shelf_where_nothing_is_found_counts_none(products: list[Product]) -> None:
    empty = draw([NONE, NONE])
    count = count_shelf(empty.picture, products, FakeDetector())

    assert (count.rows, count.objects) == ((), ())
    assert all((each.n, each.low, each.high) == (0, 0, 0) for each in count.counts)
    assert {each.sku for each in count.counts} == {product.sku for product in products}
    expected = [("missing", "red", 1, 0)] if products and products[0].expected else []
    assert differences(count) == expected


def test_count_shelf_of_a_detector_out_of_room_is_saturated_and_reviewed() -> None:
    count = count_shelf(draw(["rr", "rr"]).picture, COLOURED[:1], Worded({"red": {"red": 0.9}}, saturated=True))

    assert count.saturated
    assert all(each.saturated and each.review for each in count.counts)
    assert of(count, "red").why == ("the detector ran out of room: there may be more",)
    assert of(count, "red").n == 4


def example(shelf: Shelf, colour: str, folder: Path, belongs: bool = True) -> Example:
    """One thing of a shelf, marked on a picture of it."""
    Image.fromarray(shelf.array).save(folder / "planned.png")
    box = next(box for _, name, box in shelf.things if name == colour)
    return Example(str(folder / "planned.png"), box, belongs)


def test_count_shelf_tells_products_of_one_phrase_apart_by_their_examples(tmp_path: Path) -> None:
    planned = draw(["ry"])
    products = [
        Product(colour, ("tin",), examples=(example(planned, colour, tmp_path),)) for colour in ("red", "yellow")
    ]
    shelf = draw(["rryy", "yyyr"])
    count = count_shelf(shelf.picture, products, Worded({"tin": {"red": 0.8, "yellow": 0.8}}))

    assert in_rows(count) == {("red", 1): 2, ("yellow", 1): 2, ("yellow", 2): 3, ("red", 2): 1}
    assert {each.by for each in count.objects if each.counted} == {"example"}


@pytest.mark.parametrize("phrases", [(), ("unicorn",)])
def test_count_shelf_product_known_by_examples_alone_is_told_among_what_other_words_found(
    phrases: tuple[str, ...], tmp_path: Path
) -> None:
    products = [
        Product("1", ("tin",)),
        Product("2", phrases, examples=(example(draw(["ry"]), "yellow", tmp_path),)),
    ]
    detector = Worded({"tin": {"red": 0.8, "yellow": 0.8}}, unknown=["unicorn"])
    count = count_shelf(draw(["rryy", "yyyr"]).picture, products, detector)
    without = count_shelf(draw(["rr.."]).picture, products, detector)

    assert in_rows(count) == {("1", 1): 2, ("2", 1): 2, ("1", 2): 1, ("2", 2): 3}
    assert count.unknown == {}
    assert of(without, "2").n == 0
    assert set(without.unknown) == {"2"}


def test_count_shelf_counterexamples_of_a_person_keep_things_out(tmp_path: Path) -> None:
    planned = draw(["ry"])
    shown = (example(planned, "red", tmp_path), example(planned, "yellow", tmp_path, belongs=False))
    shelf, detector = draw(["rryy", "yyyr"]), Worded({"tin": {"red": 0.4, "yellow": 0.4}})

    assert of(count_shelf(shelf.picture, [Product("1", ("tin",), examples=shown[:1])], detector), "1").n == 8
    assert of(count_shelf(shelf.picture, [Product("1", ("tin",), examples=shown)], detector), "1").n == 3


def test_count_shelf_example_whose_picture_is_missing_is_named(tmp_path: Path) -> None:
    products = [Product("1", ("red",), examples=(Example(str(tmp_path / "gone.png"), (0, 0, 9, 9)),))]

    with pytest.raises(PictureError, match=r"gone\.png"):
        count_shelf(draw(["rr"]).picture, products, FakeDetector())


@pytest.fixture
def first_count() -> ShelfCount:
    """Two rows, of which a red of the first is missing, and one doubted."""
    detector = Worded({colour: {colour: 0.9} for colour in ("red", "green")}, unknown=["unicorn"])
    count = count_shelf(draw(["rr.g", "gggg"]).picture, PLANNED, detector)
    doubted = replace(count.objects[0], chance=0.6)
    return replace(count, objects=(doubted, *count.objects[1:]))


PLANNED = [
    Product("red", ("red",), expected=(Expected(3, 3, 1),)),
    Product("green", ("green",), expected=(Expected(4, 4, 2),)),
    Product("unicorn", ("unicorn",)),
]


def boxed(count: ShelfCount, sku: str, row: int) -> list[ShelfObject]:
    return [each for each in count.objects if (each.sku, each.row) == (sku, row)]


def test_corrected_removed_thing_leaves_counts_range_and_findings(first_count: ShelfCount) -> None:
    (stray,) = boxed(first_count, "green", 1)
    assert ("misplaced", "green", 1, 1) in differences(first_count)
    count = corrected(first_count, Correction(removed=(("green", stray.box),)), PLANNED)

    assert (of(count, "green").n, of(count, "green").high) == (4, 4)
    assert not [each for each in count.findings if each.kind == "misplaced"]
    (gone,) = boxed(count, "green", 1)
    assert (gone.counted, gone.chance, gone.by) == (False, 0.0, "person")


def test_corrected_removed_needs_the_product_and_the_place(first_count: ShelfCount) -> None:
    (stray,) = boxed(first_count, "green", 1)
    elsewhere = tuple(side + 500 for side in stray.box)
    wrong = Correction(removed=(("red", stray.box), ("green", elsewhere)))  # type: ignore[arg-type]

    assert corrected(first_count, wrong, PLANNED).objects == first_count.objects


def test_corrected_added_thing_counts_for_certain_in_its_row(first_count: ShelfCount) -> None:
    box = (170.0, 36.0, 230.0, 120.0)
    assert ("missing", "red", 1, 2) in differences(first_count)
    count = corrected(first_count, Correction(added=(("red", box),)), PLANNED)

    assert (of(count, "red", 1).n, of(count, "red").low, of(count, "red").high) == (3, 2, 3)
    assert not [each for each in count.findings if each.sku == "red"]
    assert boxed(count, "red", 1)[-1] == ShelfObject("red", 1, box, 1.0, 1.0, True, "person")


def test_corrected_thing_of_another_product_is_replaced(first_count: ShelfCount) -> None:
    (stray,) = boxed(first_count, "green", 1)
    count = corrected(first_count, Correction(added=(("red", stray.box),)), PLANNED)

    assert in_rows(count) == {("red", 1): 3, ("green", 2): 4}
    assert {each.kind for each in count.findings} == {"gap"}


def test_corrected_confirmed_picture_is_sure_of_all_that_is_counted(first_count: ShelfCount) -> None:
    near = ShelfObject("red", 2, (900, 300, 950, 350), 0.4, 0.4, False)
    doubted = replace(first_count, objects=(*first_count.objects, near))
    again, count = (corrected(doubted, Correction(confirmed=sure), PLANNED) for sure in (False, True))

    assert again.doubt > 0.1
    assert (of(again, "red").low, of(again, "red").high) == (1, 3)
    assert count.doubt == 0
    assert (of(count, "red").low, of(count, "red").high) == (2, 2)
    assert not any(each.review for each in count.counts)
    assert ("missing", "red", 1, 2) in differences(count)


def test_corrected_confirmed_picture_has_room_again() -> None:
    full = count_shelf(draw(["rr", "rr"]).picture, COLOURED[:1], Worded({"red": {"red": 0.9}}, saturated=True))

    assert corrected(full, Correction(), COLOURED[:1]).saturated
    assert not corrected(full, Correction(confirmed=True), COLOURED[:1]).saturated


def test_corrected_product_that_was_not_looked_for_is_what_the_person_says(first_count: ShelfCount) -> None:
    box = (170.0, 36.0, 230.0, 120.0)

    assert of(corrected(first_count, Correction(), PLANNED), "unicorn").why == (
        "not looked for: the detector has no word for it",
    )
    added = of(corrected(first_count, Correction(added=(("unicorn", box),)), PLANNED), "unicorn")
    assert (added.n, added.confidence, added.review) == (1, 1.0, False)
    seen = of(corrected(first_count, Correction(confirmed=True), PLANNED), "unicorn")
    assert (seen.n, seen.confidence, seen.review) == (0, 1.0, False)


def test_count_shelf_that_finds_nothing_where_something_should_be_is_for_a_person_to_see() -> None:
    products = [Product("1", ("red",), expected=(Expected(2, 2),))]
    empty = count_shelf(draw(["gg"]).picture, products, FakeDetector())
    assert (of(empty, "1").n, of(empty, "1").review, of(empty, "1").why) == (
        0,
        True,
        ("nothing was found on this picture",),
    )
    assert empty.doubt == 0.5
    assert not of(corrected(empty, Correction(confirmed=True), products), "1").review
    assert not of(count_shelf(draw(["gg"]).picture, [Product("1", ("red",))], FakeDetector()), "1").review


def test_corrected_with_a_product_of_another_shelf_counts_it_there_too() -> None:
    here = Product("1", ("red",), expected=(Expected(2, 2, shelf="a"),))
    elsewhere = Product("2", ("green",), expected=(Expected(2, 2, shelf="b"),))
    count = count_shelf(draw(["rrg"]).picture, [here, elsewhere], FakeDetector(), shelf="a")
    assert {each.sku for each in count.counts} == {"1"}
    stray = Correction(added=(("2", draw(["rrg"]).things[2][2]),))
    assert of(corrected(count, stray, [here, elsewhere], shelf="a"), "2").n == 1
