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
        ({"action": "remove"}, ToolInputError, r"^action=remove is not valid: expected 'blur', .* Correct action"),
        ({}, ToolInputError, r"^action is missing"),
        ({"action": "blur", "strength": 2}, ToolInputError, r"^strength=2 is not valid: expected less than or equal"),
        ({"action": "blur", "feather": -1}, ToolInputError, r"^feather=-1 is not valid"),
        ({"action": "blur", "colour": "red"}, ToolInputError, r"^colour=red is not an argument of edit"),
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
