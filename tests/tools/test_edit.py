"""The edit tool: what is kept of an edit, and what it refuses; pixels are tested in tests/editing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agent_tools.errors import HandleError, ToolInputError
from agent_tools.memory import Memory
from agent_tools.toolkit import SharedModels, VisionToolkit
from tests.tools.conftest import BLUE, RED, WHITE, paint


def test_edit_of_the_selection_changes_its_pixels_alone_and_undo_brings_them_back(shelf: VisionToolkit) -> None:
    shelf.call("select", {"handles": ["m1", "m4"]})
    said = shelf.call("edit", {"action": "grayscale"})
    assert said.text == "e1: grayscale 1 red: m1 (score 0.90); 1 blue: m4 (score 0.90)."
    assert [thing["handle"] for thing in said.data["objects"]] == ["m1", "m4"]
    assert said.data["edits"] == [
        {
            "handle": "e1",
            "picture": "p1",
            "action": "grayscale",
            "handles": ["m1", "m4"],
            "invert": False,
            "parameters": {},
        }
    ]
    after, before = shelf.edited().pixels, paint_of(shelf)
    assert len(set(after[8, 8].tolist())) == 1
    assert after[8, 40].tolist() == list(RED)
    assert shelf.state.selection == ("m1", "m4"), "an edit selects nothing else"
    shelf.call("undo")
    assert np.array_equal(shelf.edited().pixels, before)
    shelf.call("redo")
    assert np.array_equal(shelf.edited().pixels, after)


def test_edit_of_everything_else_leaves_the_objects(shelf: VisionToolkit) -> None:
    shelf.call("edit", {"action": "cut_out", "handles": ["m1"], "invert": True})
    after = shelf.edited().pixels
    assert after[8, 8, 3] == 0
    assert after[60, 60].tolist() == [*WHITE, 255]


def test_edit_of_no_handles_inverted_is_the_whole_picture(make: Callable[..., VisionToolkit]) -> None:
    toolkit = make()
    said = toolkit.call("edit", {"action": "grayscale", "handles": [], "invert": True})
    assert said.text == "e1: grayscale the whole picture."
    assert (np.ptp(toolkit.edited().pixels, axis=2) == 0).all()


def test_edits_stack_and_survive_a_new_process(shelf: VisionToolkit, memory: Memory) -> None:
    shelf.call("edit", {"action": "pixelate", "handles": "m1, m2", "strength": 1})
    shelf.call("edit", {"action": "highlight", "handles": ["m4"], "strength": 0.5, "feather": 2})
    with Memory(memory.data_dir) as again:
        later = VisionToolkit(services=shelf.services, memory=again, conversation=shelf.conversation)
        assert [(one.handle, dict(one.parameters)) for one in later.state.edits] == [
            ("e1", {"strength": 1.0}),
            ("e2", {"strength": 0.5, "feather": 2.0}),
        ]
        assert np.array_equal(later.edited().pixels, shelf.edited().pixels)


def test_edit_of_boxes_gives_them_masks_first(make: Callable[..., VisionToolkit]) -> None:
    toolkit = make()
    toolkit.call("ground", {"phrases": ["blue"]})
    assert toolkit.state.objects["m1"].mask is None
    toolkit.call("edit", {"action": "cut_out"})
    assert toolkit.edited().pixels[8, 24].tolist() == [*BLUE, 255]


def test_edit_of_things_on_two_pictures_edits_both(shelf: VisionToolkit) -> None:
    second = shelf.open_picture(paint({(10, 10, 30, 30): RED}))
    shelf.call("segment", {"phrases": ["red"]})
    said = shelf.call("edit", {"action": "grayscale", "handles": ["m1", "m7"]})
    assert [(one["handle"], one["picture"]) for one in said.data["edits"]] == [("e1", "p1"), ("e2", second)]
    assert shelf.edited(second).pixels[20, 20, 0] == shelf.edited("p1").pixels[8, 8, 0]


def test_forgotten_object_takes_its_edit_along(shelf: VisionToolkit) -> None:
    before = paint_of(shelf)
    shelf.call("edit", {"action": "blur", "handles": ["m1"], "invert": True})
    shelf.call("forget", {"handles": ["m1"]})
    assert np.array_equal(shelf.edited().pixels, before)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"action": "crop"}, ToolInputError, r"^action=crop is not valid: expected 'remove', .* Correct action"),
        ({}, ToolInputError, r"^action is missing"),
        ({"action": "none"}, ToolInputError, r"^action is missing"),
        ({"action": "blur", "strength": 2}, ToolInputError, r"^strength=2 is not valid: expected less than or equal"),
        ({"action": "blur", "feather": -1}, ToolInputError, r"^feather=-1 is not valid"),
        ({"action": "blur", "hue": "red"}, ToolInputError, r"^hue=red is not an argument of edit"),
        (
            {"action": "blur", "colour": "red", "handles": ["m1"]},
            ToolInputError,
            r"^colour=#ff0000 is not used by blur",
        ),
        ({"action": "recolour", "handles": ["m1"]}, ToolInputError, r"^action=recolour lacks colour"),
        (
            {"action": "recolour", "colour": "loud", "handles": ["m1"]},
            ToolInputError,
            r"^colour='loud' is not a colour",
        ),
        ({"action": "replace_background", "background": "p9", "handles": ["m1"]}, HandleError, r"^picture=p9 does not"),
        ({"action": "replace_background", "background": "p1", "handles": ["m1"]}, ToolInputError, r"picture itself"),
        ({"action": "move", "handles": ["m1"]}, ToolInputError, r"^action=move lacks dx"),
        ({"action": "move", "dx": 500, "handles": ["m1"]}, ToolInputError, r"^dx, dy take m1 out of its picture"),
        ({"action": "move", "dx": 5, "handles": ["m1"], "invert": True}, ToolInputError, r"^invert=True does not go"),
        ({"action": "remove", "handles": [], "invert": True}, ToolInputError, r"^handles=\[\] leave nothing to remove"),
        ({"action": "none", "edit": "e1"}, HandleError, r"^edit=e1 is not in force: expected an edit"),
        ({"action": "blur", "handles": ["m9"]}, HandleError, r"^handles=m9 do not exist"),
        ({"action": "blur", "handles": []}, ToolInputError, r"leave nothing to edit: expected handles"),
    ],
)
def test_edit_that_cannot_be_is_refused_and_changes_nothing(
    shelf: VisionToolkit, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        shelf.call("edit", arguments)
    assert shelf.state.edits == ()


def test_edit_of_everything_else_than_an_empty_selection_is_refused(make: Callable[..., VisionToolkit]) -> None:
    with pytest.raises(ToolInputError, match="leave nothing to edit"):
        make().call("edit", {"action": "blur", "invert": True})


def in_force(toolkit: VisionToolkit) -> list[tuple[str, str, tuple[str, ...], dict[str, float | str]]]:
    return [
        (one.handle, one.action, tuple(handle for handle, _ in one.objects), dict(one.parameters))
        for one in toolkit.state.edits
    ]


def test_change_of_an_edit_keeps_what_is_not_given_and_its_place(shelf: VisionToolkit) -> None:
    shelf.call("edit", {"action": "blur", "handles": ["m1", "m4"], "strength": 0.5, "feather": 2})
    shelf.call("edit", {"action": "grayscale", "handles": ["m2"]})
    said = shelf.call("edit", {"edit": "e1", "strength": 0.25})
    assert said.text == ("e3 for e1: blur 1 red: m1 (score 0.90); 1 blue: m4 (score 0.90), strength 0.25, feather 2.0.")
    assert [one["handle"] for one in said.data["stack"]] == ["e3", "e2"]
    assert in_force(shelf)[0] == ("e3", "blur", ("m1", "m4"), {"strength": 0.25, "feather": 2.0})
    shelf.call("edit", {"edit": "e3", "action": "pixelate"})
    assert in_force(shelf)[0] == ("e4", "pixelate", ("m1", "m4"), {"strength": 0.25, "feather": 2.0})
    shelf.call("edit", {"edit": "e4", "action": "cut_out"})
    assert in_force(shelf)[0] == ("e5", "cut_out", ("m1", "m4"), {"feather": 2.0}), "it has no use for a strength"
    shelf.call("edit", {"edit": "e5", "action": "blur", "handles": ["m2"], "invert": True})
    assert (in_force(shelf)[0][2], shelf.state.edits[0].invert) == (("m2",), True)
    for _ in range(4):
        shelf.call("undo")
    assert [one[0] for one in in_force(shelf)] == ["e1", "e2"]


def test_change_of_an_edit_to_the_selection_takes_what_is_selected(shelf: VisionToolkit) -> None:
    shelf.call("edit", {"action": "blur", "handles": ["m1", "m2"]})
    shelf.call("select", {"handles": ["m2"]})
    shelf.call("edit", {"edit": "e1", "handles": ["selection"]})
    assert in_force(shelf) == [("e2", "blur", ("m2",), {})]


def test_edits_are_dropped_and_put_in_another_order(shelf: VisionToolkit) -> None:
    for action in ("blur", "grayscale", "pixelate"):
        shelf.call("edit", {"action": action, "handles": ["m1"]})
    said = shelf.call("edit", {"edit": "e3", "place": 1})
    assert said.text == "In force: e3 pixelate, e1 blur, e2 grayscale."
    shelf.call("edit", {"edit": "e3", "place": -1})
    assert [one[0] for one in in_force(shelf)] == ["e1", "e2", "e3"]
    shelf.call("edit", {"action": "highlight", "handles": ["m2"], "place": 2})
    assert [one[0] for one in in_force(shelf)] == ["e1", "e4", "e2", "e3"]
    said = shelf.call("edit", {"edit": "e1-e3", "action": "none"})
    assert said.text == "Dropped e1-e3. In force: e4 highlight."
    assert [one["handle"] for one in said.data["dropped"]] == ["e1", "e2", "e3"]
    shelf.call("undo")
    assert [one[0] for one in in_force(shelf)] == ["e1", "e4", "e2", "e3"]


def test_place_counts_the_edits_of_one_picture(shelf: VisionToolkit) -> None:
    shelf.call("edit", {"action": "blur", "handles": ["m1"]})
    shelf.open_picture(paint({(10, 10, 30, 30): RED}))
    shelf.call("segment", {"phrases": ["red"]})
    for action in ("blur", "grayscale"):
        shelf.call("edit", {"action": action})
    shelf.call("edit", {"edit": "e3", "place": 1})
    assert [one[0] for one in in_force(shelf)] == ["e1", "e3", "e2"]


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"action": "recolour", "colour": "Dark Red"}, {"colour": "#8b0000"}),
        ({"action": "outline", "colour": "#FA0", "strength": 0.5}, {"colour": "#ffaa00", "strength": 0.5}),
        ({"action": "replace_background", "background": "blurred"}, {"background": "blur"}),
        ({"action": "replace_background", "background": "white"}, {"background": "#ffffff"}),
        ({"action": "replace_background", "background": "P2"}, {"background": "p2"}),
        ({"action": "move", "dx": -3, "dy": 4}, {"dx": -3.0, "dy": 4.0}),
        ({"action": "duplicate"}, {"dx": 9.0}),
        ({"action": "remove"}, {}),
    ],
)
def test_edit_keeps_its_parameters_as_they_are_meant(
    shelf: VisionToolkit, arguments: dict[str, object], parameters: dict[str, object]
) -> None:
    shelf.open_picture(paint({(10, 10, 30, 30): RED}))
    shelf.call("edit", {"handles": ["m1"], **arguments})
    assert dict(shelf.state.edits[0].parameters) == parameters


def box_of(toolkit: VisionToolkit, handle: str = "m1") -> tuple[float, ...]:
    return tuple(toolkit.state.objects[handle].box)


def moved_by(box: tuple[float, ...], dx: int, dy: int) -> tuple[float, ...]:
    return (box[0] + dx, box[1] + dy, box[2] + dx, box[3] + dy)


def test_moved_thing_takes_its_mask_along_and_undo_brings_both_back(shelf: VisionToolkit) -> None:
    before = box_of(shelf)
    shelf.call("edit", {"action": "move", "handles": ["m1"], "dx": 3, "dy": 5})
    assert box_of(shelf) == moved_by(before, 3, 5)
    assert shelf.state.edits[0].masks[0].box == before, "it is moved from where it is in the original"
    shelf.call("undo")
    assert (box_of(shelf), shelf.state.edits) == (before, ())


def test_changed_move_takes_the_thing_and_later_edits_along(shelf: VisionToolkit) -> None:
    before = box_of(shelf)
    shelf.call("edit", {"action": "move", "handles": ["m1", "m2"], "dx": 3})
    shelf.call("edit", {"action": "blur", "handles": ["m1", "m4"]})
    assert shelf.state.edits[1].masks[0].box == moved_by(before, 3, 0)
    shelf.call("edit", {"edit": "e1", "dx": -2, "dy": 4})
    move, blur = shelf.state.edits
    assert (move.masks[0].box, blur.masks[0].box) == (before, moved_by(before, -2, 4))
    assert box_of(shelf) == moved_by(before, -2, 4)
    assert blur.masks[1] == shelf.state.objects["m4"].mask
    shelf.call("edit", {"edit": move.handle, "action": "none"})
    assert (shelf.state.edits[0].masks[0].box, box_of(shelf)) == (before, before)


def test_thing_moved_over_the_edge_comes_back_whole(shelf: VisionToolkit) -> None:
    before = shelf.state.objects["m1"].mask
    shelf.call("edit", {"action": "move", "handles": ["m1"], "dx": -8})
    after = shelf.state.objects["m1"].mask
    assert before is not None
    assert after is not None
    assert 0 < after.area < before.area
    shelf.call("edit", {"edit": "e1", "dx": 2})
    assert shelf.state.objects["m1"].mask == before.shifted(2, 0)


def test_edit_put_before_a_move_is_made_where_the_thing_then_is(shelf: VisionToolkit) -> None:
    before = box_of(shelf)
    shelf.call("edit", {"action": "move", "handles": ["m1"], "dx": 3})
    shelf.call("edit", {"action": "blur", "handles": ["m1"]})
    shelf.call("edit", {"edit": "e2", "place": 1})
    blur, move = shelf.state.edits
    assert (blur.action, blur.masks[0].box, move.masks[0].box) == ("blur", before, before)
    assert box_of(shelf) == moved_by(before, 3, 0)


def test_second_move_starts_where_the_first_ended(shelf: VisionToolkit) -> None:
    before = box_of(shelf)
    shelf.call("edit", {"action": "move", "handles": ["m1"], "dx": 3})
    shelf.call("edit", {"action": "move", "handles": ["m1"], "dy": 2})
    assert shelf.state.edits[1].masks[0].box == moved_by(before, 3, 0)
    assert box_of(shelf) == moved_by(before, 3, 2)
    shelf.call("edit", {"edit": "e1", "action": "none"})
    assert shelf.state.edits[0].masks[0].box == before
    assert box_of(shelf) == moved_by(before, 0, 2)


def paint_of(toolkit: VisionToolkit) -> np.ndarray:
    return toolkit.memory.picture(toolkit.state.pictures["p1"]).array


def test_edited_picture_is_made_once_and_forgotten_with_its_picture_or_its_objects(
    shelf: VisionToolkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.call("edit", {"action": "blur", "handles": ["m1"]})
    first = shelf.edited()
    assert shelf.edited() is first
    assert shelf._models.edited.size_bytes > 0
    shelf.call("edit", {"action": "grayscale", "handles": ["m2"]})
    shelf.edited()
    shelf.call("undo")
    assert shelf.edited() is first
    shelf.call("forget", {"handles": ["m1"]})
    assert shelf._models.edited.size_bytes == 0
    shelf.edited()
    shelf.call("forget", {"picture": "p1"})
    assert shelf._models.edited.size_bytes == 0


def test_inpainter_is_loaded_when_something_is_removed_and_not_before(
    make: Callable[..., VisionToolkit], tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("class Grey:\n    def fill(self, pixels, hole):\n        return pixels * 0 + 77\n")
    plain = make()
    models = SharedModels(services=plain.services, inpainter=f"{file}:Grey")
    toolkit = VisionToolkit(services=models, memory=plain.memory, conversation=plain.conversation)
    toolkit.call("segment", {"phrases": ["blue"]})
    with toolkit.turn() as turn:
        turn.add_edit("p1", "grayscale", ["m1"], False, {})
    toolkit.edited()
    assert models._inpainter is None
    with toolkit.turn() as turn:
        turn.add_edit("p1", "remove", ["m1"], False, {})
    mask = toolkit.state.objects["m1"].mask
    assert mask is not None
    assert (toolkit.edited().pixels[mask.to_array()] == 77).all()
    assert toolkit.inpainter is models.inpainter()
