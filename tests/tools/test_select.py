"""select: every filter, the order in which they apply, ties, and how a choice joins the selection."""

from typing import Any

import numpy as np
import pytest

from agent_tools.errors import HandleError, ToolInputError
from agent_tools.toolkit import VisionToolkit

# red m1 (4,4) m2 (36,2, the largest) m3 (20,36); blue m4 (20,4) m5 (4,36); green m6 (36,36)


def selected(toolkit: VisionToolkit, **arguments: Any) -> str:
    toolkit.call("select", arguments)
    return " ".join(toolkit.state.selection)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"side": "left"}, "m1 m3 m4 m5"),
        ({"side": "right"}, "m2 m6"),
        ({"side": "top"}, "m1 m2 m4"),
        ({"side": "bottom"}, "m3 m5 m6"),
        ({"side": "centre"}, "m3 m6"),
        ({"row": 1}, "m1 m2 m4"),
        ({"row": -1}, "m3 m5 m6"),
        ({"colour": "dark red"}, "m1 m2 m3"),
        ({"colour": "navy"}, "m4 m5"),
        ({"inside": [0, 0, 32, 64]}, "m1 m3 m4 m5"),
        ({"inside": "0,0,32,64"}, "m1 m3 m4 m5"),
        ({"outside": [0, 0, 32, 64]}, "m2 m6"),
        ({"near": "m1"}, "m4"),
        ({"near": [36, 14, 46, 16]}, "m2"),
        ({"label": "blues"}, "m4 m5"),
        ({"turn": 2}, "m1 m2 m3 m4 m5 m6"),
        ({"order": "left_to_right", "ordinal": -1}, "m2"),
        ({"order": "by_size", "ordinal": 1}, "m2"),
        ({"ordinal": 3}, "m2"),
        ({"extreme": "largest"}, "m2"),
        ({"extreme": "rightmost"}, "m2"),
        ({"order": "top_to_bottom"}, "m2 m1 m4 m3 m5 m6"),
        ({"row": 2, "exclude": ["m5-m6"]}, "m3"),
        ({"column": 1}, "m1 m5"),
        ({"column": -1}, "m2 m6"),
        ({"left_of": "m3"}, "m1 m5"),
        ({"right_of": "m3"}, "m2 m6"),
        ({"above": "m5"}, "m1 m2 m4"),
        ({"below": [0, 0, 64, 14]}, "m3 m5 m6"),
        ({"min_score": 0.9}, "m1 m2 m3 m4 m5 m6"),
        ({"min_score": 0.95}, ""),
        ({"review": True}, ""),
        ({"limit": 2}, "m1 m4"),
        ({"ordinal": -1, "limit": 2}, "m6 m3"),
        ({"order": "left_to_right", "limit": 2}, "m1 m5"),
        ({"extreme": "topmost", "limit": 3}, "m2 m1 m4"),
        ({"colour": "red", "extreme": "largest", "limit": 9}, "m2 m1 m3"),
    ],
)
def test_select_where_chooses_among_the_selection(shelf: VisionToolkit, where: dict[str, Any], expected: str) -> None:
    assert selected(shelf, where=where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        # A row is a row of what the side left; then the colour; then the pick among these; the exception last.
        ({"row": 2, "colour": "red"}, "m3"),
        ({"colour": "red", "order": "left_to_right", "ordinal": 2}, "m3"),
        ({"side": "left", "row": 2, "extreme": "rightmost"}, "m3"),
        ({"colour": "red", "extreme": "largest", "exclude": ["m2"]}, ""),
        ({"extreme": "leftmost", "exclude": ["m5"]}, "m1"),
        ({"below": "m1", "column": 2}, "m3"),
    ],
)
def test_select_where_applies_filters_then_picks_then_exceptions(
    shelf: VisionToolkit, where: dict[str, Any], expected: str
) -> None:
    assert selected(shelf, where=where) == expected


def test_select_where_of_gestures_means_what_they_go_round_or_touch(shelf: VisionToolkit) -> None:
    everything = shelf.state.selection
    cases = {
        ("point", (6, 6)): "m1",
        ("box", (34, 0, 60, 60)): "m2 m6",
        ("polygon", (0, 30, 32, 30, 32, 60, 0, 60)): "m3 m5",
        ("stroke", (6, 6, 22, 8, 40, 6)): "m1 m2 m4",
        ("stroke", (0, 30, 32, 30, 32, 60, 0, 60, 0, 31)): "m3 m5",
    }
    for (kind, coordinates), expected in cases.items():
        name = shelf.gesture("p1", kind, coordinates)  # type: ignore[arg-type]
        assert selected(shelf, handles=list(everything), where={"inside": name}) == expected, kind


def test_select_where_of_another_picture_leaves_nothing(shelf: VisionToolkit) -> None:
    shelf.open_picture(np.zeros((64, 64, 3), np.uint8))
    name = shelf.gesture("p2", "box", (0, 0, 64, 64))
    assert selected(shelf, where={"inside": name}) == ""


def test_select_where_turn_means_the_turn_that_found_them(shelf: VisionToolkit) -> None:
    shelf.call("refine_with_point", {"handle": "m1", "point": [5, 5]})
    shelf.call("ground", {"phrases": ["red blue"]})
    assert selected(shelf, handles=["m1-m9"], where={"turn": 2}) == "m1 m2 m3 m4 m5 m6"
    assert selected(shelf, handles=["m1-m9"], where={"turn": 4}) == "m7 m8 m9"


def test_select_combines_with_the_selection(shelf: VisionToolkit) -> None:
    assert selected(shelf, handles=["m4", "m2"]) == "m4 m2"
    assert selected(shelf, handles=["m1"], combine="add") == "m4 m2 m1"
    assert selected(shelf, where={"colour": "red"}, combine="intersect") == "m2 m1"
    assert selected(shelf, where={"colour": "green"}, combine="add") == "m2 m1 m6"
    assert selected(shelf, where={"ordinal": 2}, combine="subtract") == "m1 m6"
    assert selected(shelf, combine="add") == "m1 m6 m2 m3 m4 m5"


def test_select_says_how_many_remain_and_which(shelf: VisionToolkit) -> None:
    result = shelf.call("select", {"handles": ["m2"], "combine": "subtract"})
    assert result.text == (
        "5 selected: 2 red: m1 m3 (score 0.90); 2 blue: m4 m5 (score 0.90); 1 green: m6 (score 0.90). "
        "No longer selected: m2."
    )
    assert result.data["selection"] == ["m1", "m3", "m4", "m5", "m6"]


def test_select_that_leaves_nothing_says_why(shelf: VisionToolkit) -> None:
    result = shelf.call("select", {"where": {"colour": "pink"}})
    assert result.text == "0 selected. none of 6 is pink (3 red, 2 blue, 1 green)."
    assert shelf.state.selection == ()


def test_select_on_a_tie_selects_the_candidates_and_asks(shelf: VisionToolkit) -> None:
    result = shelf.call("select", {"where": {"extreme": "leftmost"}})
    assert result.data["candidates"] == ["m1", "m5"]
    assert shelf.state.selection == ("m1", "m5")
    assert "2 are equally leftmost; ask which one is meant" in result.text
    assert selected(shelf, where={"extreme": "topmost"}) == "m1"


def test_select_of_several_on_a_tie_asks_only_about_those_that_tie(shelf: VisionToolkit) -> None:
    result = shelf.call("select", {"where": {"extreme": "largest", "limit": 2}})
    assert shelf.state.selection == ("m2", "m1", "m3", "m4", "m5", "m6")
    assert result.data["candidates"] == ["m1", "m3", "m4", "m5", "m6"]
    assert "5 are equally largest; ask which one is meant" in result.text
    result = shelf.call("select", {"where": {"order": "left_to_right", "ordinal": 2}})
    assert result.data["candidates"] == ["m4", "m3"]
    assert "2 are equally in that place; ask which one is meant" in result.text


def test_segment_one_on_a_tie_keeps_all_that_tie(shelf: VisionToolkit) -> None:
    result = shelf.call("segment", {"phrases": ["blue"], "quantity": "one", "where": {"extreme": "smallest"}})
    assert result.data["candidates"] == ["m4", "m5"]
    result = shelf.call("segment", {"phrases": ["blue"], "quantity": "one", "where": {"extreme": "leftmost"}})
    assert result.data["selection"] == ["m5"]


def test_select_on_a_tie_takes_nothing_away(shelf: VisionToolkit) -> None:
    result = shelf.call("select", {"where": {"extreme": "leftmost"}, "combine": "subtract"})
    assert result.text == "The selection is unchanged: 2 are equally leftmost; ask which one is meant: m1 m5."
    assert len(shelf.state.selection) == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"^handles=None and where=None choose nothing: expected one .* Name handles"),
        ({"where": {}}, r"^handles=None and where=None choose nothing"),
        (
            {"where": {"extreme": "largest", "ordinal": 2}},
            r"^extreme=largest .*: expected one .* use order=by_size with",
        ),
        ({"where": {"ordinal": 7}}, r"^ordinal=7 does not exist among 6: expected 1 to 6"),
        ({"where": {"row": 3}}, r"^row=3 does not exist: expected 1 \(top\) to 2"),
        ({"where": {"column": 7}}, r"^column=7 does not exist: expected 1 \(left\) to 3 \(right\), or -1 .* pick one"),
        ({"where": {"limit": 0}}, r"^where\.limit=0 is not valid: expected .*greater than or equal to 1"),
        ({"where": {"colour": "shiny"}}, r"^colour='shiny' is not a colour known here: expected red"),
        (
            {"where": {"inside": [9, 9, 3, 3]}},
            r"^box=\[9\.0, 9\.0, 3\.0, 3\.0\] is empty: expected .* Order its corners",
        ),
        ({"where": {"side": "upper"}}, r"^where\.side=upper is not valid: expected 'left', .* Correct where\.side"),
        (
            {"where": {"color": "red"}},
            r"^where\.color=red is not an argument of where: expected side.*Did you mean colour",
        ),
    ],
)
def test_select_that_cannot_be_says_what_can(shelf: VisionToolkit, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ToolInputError, match=message):
        shelf.call("select", arguments)
    assert len(shelf.state.selection) == 6


@pytest.mark.parametrize("where", [{"near": "m99"}, {"inside": "g1"}, {"exclude": ["m99"]}, {"outside": "it"}])
def test_select_where_of_a_name_that_does_not_exist_is_refused(shelf: VisionToolkit, where: dict[str, Any]) -> None:
    with pytest.raises(HandleError, match=r"do not exist: expected .*\. [A-Z]"):
        shelf.call("select", {"where": where})


def test_select_from_an_empty_selection_asks_for_handles(shelf: VisionToolkit) -> None:
    shelf.call("count", {"phrases": ["unicorn"]})
    with pytest.raises(ToolInputError, match=r"^handles=None means the selection, which is empty: expected handles"):
        shelf.call("select", {"where": {"colour": "red"}})


def test_select_by_position_across_pictures_is_refused_and_by_row_is_not(shelf: VisionToolkit) -> None:
    array = np.full((64, 64, 3), 255, np.uint8)
    array[4:12, 4:12] = (220, 30, 30)
    shelf.open_picture(array)
    shelf.call("segment", {"phrases": ["red"]})
    assert selected(shelf, handles=["m1-m7"], where={"row": 1}) == "m1 m2 m4 m7"
    with pytest.raises(ToolInputError, match=r"^extreme=leftmost compares things on p1, p2: expected one picture"):
        shelf.call("select", {"handles": ["m1-m7"], "where": {"extreme": "leftmost"}})
