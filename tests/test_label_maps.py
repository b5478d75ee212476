"""Label maps against hand-drawn arrays, and against NumPy on masks that hypothesis draws."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent_tools.errors import ToolInputError
from agent_tools.label_maps import (
    LARGEST_ID,
    coco_segments,
    edge_map,
    ids_to_rgb,
    instance_map,
    panoptic_map,
    rgb_to_ids,
    semantic_map,
)
from agent_tools.masks import Mask


@dataclass(frozen=True)
class Thing:
    handle: str
    label: str
    score: float | None
    mask: Mask | None


def thing(handle: str, label: str, score: float | None, *rows: str) -> Thing:
    """Rows as drawn: # is inside."""
    array = np.array([[character == "#" for character in row] for row in rows])
    return Thing(handle, label, score, Mask.from_array(array) if rows else None)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Thing], dict[str, np.ndarray], tuple[int, int]]:
    shape = draw(st.tuples(st.integers(1, 8), st.integers(1, 8)))
    numbers = draw(st.lists(st.integers(1, 300), unique=True, max_size=6))
    things, drawn = [], {}
    for number in numbers:
        array = draw(arrays(bool, shape))
        label = draw(st.sampled_from(["can", "sky", "dog"]))
        score = draw(st.sampled_from([None, 0.0, 0.25, 0.5, 1.0]))
        has_mask = draw(st.sampled_from([True, True, True, False]))
        things.append(Thing(f"m{number}", label, score, Mask.from_array(array) if has_mask else None))
        drawn[f"m{number}"] = array if has_mask else np.zeros(shape, bool)
    return things, drawn, shape


def top_of(things: list[Thing], drawn: dict[str, np.ndarray], pixel: tuple[int, ...]) -> str | None:
    """The rule once more, a pixel at a time: whose it is."""
    over = [each for each in things if drawn[each.handle][pixel]]
    rank = {each.handle: (-(each.score or 0), drawn[each.handle].sum(), int(each.handle[1:])) for each in over}
    return min(rank, key=rank.__getitem__, default=None)


SHELF = [
    thing("m7", "can", 0.5, "###.", "###.", "...."),
    thing("m2", "can", 0.9, ".##.", "....", "...."),
    thing("m3", "dog", 0.9, "..##", "..##", "...."),
    thing("m9", "dog", 0.1, "#...", "....", "...."),
]


def test_instance_map_overlapping_masks_put_the_higher_score_then_the_smaller_mask_on_top() -> None:
    drawn = instance_map(SHELF, 3, 4)
    assert drawn.ids.tolist() == [[7, 2, 2, 3], [7, 7, 3, 3], [0, 0, 0, 0]]
    assert drawn.ids.dtype == np.int32


def test_instance_map_table_keeps_every_object_with_its_id_area_and_box() -> None:
    drawn = instance_map(SHELF, 3, 4, categories=["dog", "can"])
    assert [(each.id, each.handles, each.category_id, each.score) for each in drawn.segments] == [
        (2, ("m2",), 2, 0.9),
        (3, ("m3",), 1, 0.9),
        (7, ("m7",), 2, 0.5),
        (9, ("m9",), 1, 0.1),
    ]
    assert [each.area for each in drawn.segments] == [2, 3, 3, 0]
    assert [each.mask_area for each in drawn.segments] == [2, 4, 6, 1]
    assert [each.box for each in drawn.segments] == [(1, 0, 3, 1), (2, 0, 4, 2), (0, 0, 2, 2), (0, 0, 0, 0)]
    assert [each.hidden for each in drawn.segments] == [False, False, False, True]
    assert all(each.isthing for each in drawn.segments)


def test_instance_map_object_without_a_mask_is_in_the_table_and_not_called_hidden() -> None:
    drawn = instance_map([thing("m1", "can", 0.5)], 2, 2)
    assert not drawn.ids.any()
    assert [(each.handles, each.area, each.hidden) for each in drawn.segments] == [(("m1",), 0, False)]


def test_instance_map_ids_stay_when_an_object_goes() -> None:
    before, after = instance_map(SHELF, 3, 4), instance_map(SHELF[:1], 3, 4)
    assert {each.handles: each.id for each in after.segments} == {("m7",): 7}
    assert (after.ids[before.ids == 7] == 7).all()


def test_semantic_map_unites_a_label_and_lets_the_object_on_top_decide() -> None:
    drawn = semantic_map(SHELF, 3, 4, categories=["sky", "dog", "can"])
    assert drawn.ids.tolist() == [[3, 3, 3, 2], [3, 3, 2, 2], [0, 0, 0, 0]]
    rows = [(each.id, each.label, each.handles, each.area, each.mask_area) for each in drawn.segments]
    assert rows == [(2, "dog", ("m3", "m9"), 3, 5), (3, "can", ("m2", "m7"), 5, 6)]
    assert not any(each.isthing for each in drawn.segments)


def test_panoptic_map_stuff_shares_one_segment_under_its_lowest_number() -> None:
    drawn = panoptic_map(SHELF, 3, 4, stuff=["can"])
    assert drawn.ids.tolist() == [[2, 2, 2, 3], [2, 2, 3, 3], [0, 0, 0, 0]]
    rows = [(each.id, each.handles, each.isthing) for each in drawn.segments]
    assert rows == [(2, ("m2", "m7"), False), (3, ("m3",), True), (9, ("m9",), True)]


def test_coco_segments_leave_out_what_the_picture_does_not_show() -> None:
    drawn = panoptic_map(SHELF, 3, 4)
    assert [each["id"] for each in coco_segments(drawn)] == [2, 3, 7]
    first = {"id": 2, "category_id": 1, "area": 2, "bbox": [1, 0, 2, 1], "iscrowd": 0}
    assert coco_segments(drawn)[0] == first


@given(arrays(np.int32, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, LARGEST_ID)))
def test_ids_to_rgb_any_ids_round_trip_in_cocos_order(ids: np.ndarray) -> None:
    pixels = ids_to_rgb(ids)
    assert pixels.dtype == np.uint8
    assert (pixels.astype(np.int64) @ [1, 256, 256**2] == ids).all()
    assert (rgb_to_ids(pixels) == ids).all()


def test_ids_to_rgb_of_a_view_round_trips() -> None:
    ids = np.arange(12, dtype=np.int32).reshape(3, 4).T * 70_000
    assert (rgb_to_ids(ids_to_rgb(ids)) == ids).all()


@pytest.mark.parametrize("wrong", [-1, LARGEST_ID + 1])
def test_ids_to_rgb_id_beyond_three_bytes_is_refused(wrong: int) -> None:
    with pytest.raises(ToolInputError, match="three bytes"):
        ids_to_rgb(np.array([[wrong]], np.int32))


@given(scenes())
def test_instance_map_gives_every_pixel_to_the_one_on_top(scene: tuple) -> None:
    things, drawn, shape = scene
    ids = instance_map(things, *shape).ids
    assert ids.shape == shape
    for pixel in np.ndindex(shape):
        top = top_of(things, drawn, pixel)
        assert ids[pixel] == (0 if top is None else int(top[1:]))


@given(scenes())
def test_semantic_map_shows_the_label_of_the_instance_on_top(scene: tuple) -> None:
    things, drawn, shape = scene
    made = semantic_map(things, *shape)
    labels = {each.handle: each.label for each in things}
    for pixel in np.ndindex(shape):
        top = top_of(things, drawn, pixel)
        shown = made.ids[pixel]
        assert (made.categories[shown - 1] if shown else None) == (None if top is None else labels[top])


@given(scenes(), st.sampled_from(["instance", "semantic", "panoptic"]))
def test_label_map_of_any_masks_loses_nothing(scene: tuple, kind: str) -> None:
    things, drawn, shape = scene
    makers = {"instance": instance_map, "semantic": semantic_map}
    made = makers[kind](things, *shape) if kind in makers else panoptic_map(things, *shape, stuff=["sky"])
    covered = np.zeros(shape, bool)
    for array in drawn.values():
        covered |= array
    assert ((made.ids > 0) == covered).all()
    assert sorted(handle for each in made.segments for handle in each.handles) == sorted(drawn)
    assert len({each.id for each in made.segments}) == len(made.segments)
    assert set(np.unique(made.ids)) - {0} == {each.id for each in made.segments if each.area}
    for each in made.segments:
        mine = made.ids == each.id
        whole = np.any([drawn[handle] for handle in each.handles], axis=0)
        assert (whole | ~mine).all()
        assert (each.area, each.mask_area) == (mine.sum(), whole.sum())
        x0, y0, x1, y1 = each.box
        assert mine[y0:y1, x0:x1].sum() == each.area
        assert not each.area or all(side.any() for side in (mine[y0], mine[y1 - 1], mine[:, x0], mine[:, x1 - 1]))


@given(scenes(), st.randoms())
def test_label_map_does_not_depend_on_the_order_of_objects(scene: tuple, random) -> None:
    things, _, shape = scene
    categories = ["can", "sky", "dog"]
    first = panoptic_map(things, *shape, categories, stuff=["sky"])
    random.shuffle(things)
    second = panoptic_map(things, *shape, categories, stuff=["sky"])
    assert (first.ids == second.ids).all()
    assert first.segments == second.segments


@pytest.mark.parametrize("handle", ["m0", "m", "7", "m16777216", "m-1", "m1x", "m²"])
def test_instance_map_handle_without_a_number_is_refused(handle: str) -> None:
    with pytest.raises(ToolInputError, match="has no number"):
        instance_map([thing(handle, "can", 0.5, "#")], 1, 1)


def test_instance_map_two_versions_of_one_object_are_refused() -> None:
    with pytest.raises(ToolInputError, match="repeat a number"):
        instance_map([thing("m1", "can", 0.5, "#"), thing("m1", "can", 0.6, "#")], 1, 1)


def test_instance_map_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ToolInputError, match=r"m1 mask size=\[1, 2\] differs"):
        instance_map([thing("m1", "can", 0.5, "##")], 1, 1)


def test_semantic_map_label_that_is_no_category_is_refused() -> None:
    with pytest.raises(ToolInputError, match="lack"):
        semantic_map([thing("m1", "can", 0.5, "#")], 1, 1, categories=["dog"])


def test_semantic_map_category_given_twice_is_refused() -> None:
    with pytest.raises(ToolInputError, match="repeat"):
        semantic_map([], 1, 1, categories=["dog", "dog"])


def test_edge_map_is_the_border_of_each_mask_as_bright_as_it_is_sure() -> None:
    inner = thing("m1", "can", 0.4, "......", ".####.", ".####.", ".####.", "......")
    lower = thing("m2", "shelf", None, "......", "......", "......", "######", "######")
    assert edge_map([inner, lower], 5, 6).tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 102, 102, 102, 102, 0],
        [0, 102, 0, 0, 102, 0],
        [255, 255, 255, 255, 255, 255],
        [0, 0, 0, 0, 0, 0],
    ]


def test_edge_map_of_nothing_or_of_the_whole_picture_is_empty() -> None:
    assert not edge_map([thing("m1", "can", 0.9)], 2, 2).any()
    assert not edge_map([thing("m1", "can", 0.9, "##", "##")], 2, 2).any()


def test_edge_map_refuses_a_mask_of_another_size() -> None:
    with pytest.raises(ToolInputError):
        edge_map([thing("m1", "can", 0.9, "##", "##")], 3, 2)
