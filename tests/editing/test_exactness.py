"""Edits change nothing outside the region they say, whatever the depth, transparency, masks and feather."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_tools.editing import PARAMETERS, STRENGTHS, apply, stack
from agent_tools.editing.stack import check_exact
from agent_tools.errors import ServiceError, ToolInputError
from agent_tools.masks import Mask
from tests.editing.shapes import H, W, box, disc, grown, moved, noise, region

TOLD: dict[str, dict[str, Any]] = {
    "recolour": {"colour": "#2060ff"},
    "replace_background": {"background": "#10f030"},
    "outline": {"colour": "#ff00ff"},
    "move": {"dx": 9, "dy": -5},
    "duplicate": {"dx": -30, "dy": 6},
}
RIM, BAND = 2, 3
"""What a hole is larger than its masks on a picture as small as these, and how deep a soft edge lies in a thing."""


def may_change(action: str, masks: list[Mask], invert: bool, feather: float | None) -> Any:
    """What an action may change, by hand."""
    meant = region(masks, invert)
    rim = RIM if feather is None else feather
    hole = meant if invert else grown(meant, rim + 0.5 * (rim > 0))
    match action:
        case "remove":
            return hole
        case "highlight":
            return ~meant
        case "cut_out" | "replace_background":
            band = BAND if feather is None else feather
            return ~grown(meant, -band - 1 if band else 0)
        case "outline":
            each = [meant] if invert else [mask.to_array() for mask in masks]
            return np.any([grown(one, 2) & ~one for one in each], 0)
        case "move":
            return hole | moved(meant, 9, -5)
        case "duplicate":
            return moved(meant, -30, 6)
    return meant


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("feather", [None, 0, 3])
@pytest.mark.parametrize("action", STRENGTHS)
def test_edit_outside_its_region_changes_nothing_and_inside_something(
    action: str, feather: float | None, invert: bool, channels: int, dtype: Any
) -> None:
    if feather is not None and "feather" not in PARAMETERS[action]:
        pytest.skip("knows no feather")
    before = noise(1, channels, dtype)
    if channels == 4:
        before[..., 3] = np.iinfo(dtype).max
    kept = before.copy()
    masks = [box(4, 6, 24, 33), disc(46, 30, 14)]
    after = apply(before, action, masks, invert=invert, feather=feather, **TOLD.get(action, {}))
    changing = may_change(action, masks, invert, feather)
    assert after.dtype == dtype
    assert after.shape[2] == (4 if action == "cut_out" else channels)
    assert np.array_equal(after[~changing][..., :channels], before[~changing])
    assert (after[..., :3] != before[..., :3]).any(2)[changing].mean() > 0.4
    assert np.array_equal(before, kept), "what it was given is left as it is"
    if action not in ("cut_out", "remove", "move"):
        assert after.shape[2] == 3 or np.array_equal(after[..., 3], before[..., 3])


@settings(max_examples=60, deadline=None)
@given(
    action=st.sampled_from(sorted(STRENGTHS)),
    invert=st.booleans(),
    strength=st.floats(0, 1),
    feather=st.none() | st.floats(0, 40),
    corners=st.lists(st.tuples(st.integers(0, W - 1), st.integers(0, H - 1)), max_size=3),
)
def test_edit_of_any_masks_is_exact(
    action: str, invert: bool, strength: float, feather: float | None, corners: list[tuple[int, int]]
) -> None:
    before = noise(2)
    masks = [box(x, y, min(W, x + 9), min(H, y + 7)) for x, y in corners]
    told = {"strength": strength, "feather": feather, **TOLD.get(action, {})}
    if action == "replace_background":
        told["background"] = "blur"
    told = {name: value for name, value in told.items() if name in PARAMETERS[action]}
    if action in ("remove", "move") and may_change("remove", masks, invert, feather).all():
        with pytest.raises(ToolInputError, match="nothing to fill it from"):
            apply(before, action, masks, invert=invert, **told)
        return
    after = apply(before, action, masks, invert=invert, **told)
    untouched = ~may_change(action, masks, invert, feather)
    assert np.array_equal(after[untouched][..., :3], before[untouched])
    if action == "cut_out":
        assert not after[~region(masks, invert)].any()


@pytest.mark.parametrize("action", STRENGTHS)
def test_edit_with_empty_masks_changes_nothing_that_is_not_meant(action: str) -> None:
    before = noise(8)
    for masks in ([], [Mask.from_array(np.zeros((H, W)))]):
        after = apply(before, action, masks, **TOLD.get(action, {}))
        if action in ("cut_out", "highlight", "replace_background"):
            assert (after[..., :3] != before).any(2).mean() > 0.9, "all of it is the rest"
        else:
            assert np.array_equal(after, before)


@pytest.mark.parametrize("action", [each for each in STRENGTHS if each not in ("remove", "move")])
def test_edit_of_the_whole_picture_works_without_a_rest(action: str) -> None:
    before = noise(9)
    after = apply(before, action, [], invert=True, **TOLD.get(action, {}))
    unchanged = action in ("cut_out", "highlight", "replace_background", "outline")
    assert np.array_equal(after[..., :3], before) == unchanged


@pytest.mark.parametrize("action", ["remove", "move"])
def test_hole_as_large_as_the_picture_is_refused(action: str) -> None:
    with pytest.raises(ToolInputError, match=r"leaves nothing to fill it from"):
        apply(noise(9), action, [], invert=True, **TOLD.get(action, {}))


@pytest.mark.parametrize("action", STRENGTHS)
def test_edit_of_a_picture_of_one_row_does_not_fail(action: str) -> None:
    before = noise(10)[:1]
    after = apply(before, action, [box(10, 0, 20, 1, 1)], **TOLD.get(action, {}))
    assert np.array_equal(after[0, :5, :3], before[0, :5]) == (
        action not in ("cut_out", "highlight", "replace_background")
    )


def test_every_edit_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def defective(task: Any) -> Any:
        return task.pixels + np.uint8(1), task.region

    monkeypatch.setitem(stack._ACTIONS, "blur", defective)
    apply(noise(3), "blur", [], invert=True)
    with pytest.raises(ServiceError, match="edit=inexact"):
        apply(noise(3), "blur", [box(1, 1, 9, 9)])


@pytest.mark.parametrize("changed_alpha", [False, True])
def test_edit_that_changed_a_pixel_outside_is_refused(changed_alpha: bool) -> None:
    before = noise(3)
    after = np.dstack([before, np.full((H, W), 255, np.uint8)]) if changed_alpha else before.copy()
    check_exact(before, after, region([box(1, 1, 5, 5)]))
    after[0, 0, 3 if changed_alpha else 1] ^= 1
    with pytest.raises(ServiceError, match="edit=inexact changed pixels outside its region"):
        check_exact(before, after, region([box(1, 1, 5, 5)]))
