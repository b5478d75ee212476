from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

import pytest
from pydantic import ValidationError

from agent_tools.masks import Mask
from agent_tools.memory import Edit, Gesture, ObjectVersion, OpenedPicture, State
from workflows.planning.context import Click, KnownObject, PictureSize, PlanContext, plan_context, planner_brief

WRITTEN = """{"picture": {"width": 640, "height": 480},
 "objects": [{"handle": "m1", "label": "orange", "score": 0.91, "box": [40, 40, 120, 120], "turn": 1}],
 "selection": ["m1"], "click": {"x": 50, "y": 60, "hits": ["m1"]}, "undo": 1, "redo": 0}"""


def thing(handle: str, box: tuple[float, float, float, float], mask: Mask | None, picture: str = "p1") -> ObjectVersion:
    return ObjectVersion(
        handle=handle, version=1, picture=picture, label="orange", score=0.9, box=box, mask=mask,
        area=mask.area if mask else 0, parent=None, prompts=(), candidate=0, predicted_iou=None, stability=None,
        model="a model", review=False, turn=1,
    )  # fmt: skip


def test_plan_context_reads_the_json_of_the_command_line() -> None:
    context = PlanContext.model_validate_json(WRITTEN)

    assert context.objects == (KnownObject(handle="m1", label="orange", score=0.91, box=(40, 40, 120, 120), turn=1),)
    assert context.click == Click(x=50, y=60, hits=("m1",), gesture="g1")


def test_plan_context_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError):
        PlanContext.model_validate({"selected": ["m1"]})


def test_render_context_is_a_line_an_object() -> None:
    assert PlanContext.model_validate_json(WRITTEN).render().splitlines() == [
        "picture p1: 640 x 480 pixels, origin top left",
        "handle label score x0 y0 x1 y1 turn (* selected)",
        "*m1 orange 0.91 40 40 120 120 1",
        "click g1 at 50,60 on: m1",
        "steps to undo: 1, to redo: 0",
    ]


def test_render_other_pictures_are_named_with_what_is_known_on_them() -> None:
    two = PlanContext(elsewhere={"p2": ("m4", "m5", "m6"), "p3": ()})
    many = PlanContext(elsewhere={f"p{number}": () for number in range(2, 1002)})

    assert two.render().splitlines()[0] == "other pictures: p2 (m4 to m6), p3"
    assert len(many.render()) < 200


def test_render_sixty_objects_stays_small() -> None:
    known = [KnownObject(handle=f"m{i}", label="orange", score=0.5, box=(0, 0, 99, 99), turn=1) for i in range(60)]

    assert len(PlanContext(objects=tuple(known)).render()) < 2500


def test_planner_brief_ends_with_the_table() -> None:
    context = PlanContext(picture=PictureSize(width=4, height=3))

    assert planner_brief(context).endswith(context.render())


def test_plan_context_of_a_conversation_knows_the_current_picture_and_what_was_clicked() -> None:
    ring = Mask.from_polygon([(0, 0), (4, 0), (4, 2), (0, 2)], 10, 10)
    pictures = {name: OpenedPicture(name, "0" * 64, 10, 10, "a.png", Path("a.png")) for name in ("p1", "p2")}
    objects = [
        thing("m1", (0, 0, 10, 10), ring),
        thing("m2", (2, 2, 8, 8), None),
        thing("m3", (0, 0, 10, 10), None, "p2"),
    ]
    state = State(
        conversation="c", revision=1, turn_number=2, pictures=MappingProxyType(pictures), picture="p1",
        gestures={"g4": Gesture("g4", "p1", "point", ((3.0, 5.0),), 2)},
        objects={each.handle: each for each in objects}, selection=("m3", "m2"), undo=1, redo=0,
    )  # fmt: skip

    context = plan_context(state, "g4")

    assert [known.handle for known in context.objects] == ["m1", "m2"]
    assert context.selection == ("m2",)
    assert context.elsewhere == {"p2": ("m3",)}
    assert context.click == Click(x=3, y=5, hits=("m2",), gesture="g4")
    assert plan_context(state).click is None


def test_plan_context_puts_what_points_at_a_thing_first_and_renders_every_gesture() -> None:
    pictures = {"p1": OpenedPicture("p1", "0" * 64, 100, 100, "a.png", Path("a.png"))}
    drawn = {
        "g1": Gesture("g1", "p1", "point", ((90.0, 90.0),), 2, include=False),
        "g2": Gesture("g2", "p1", "box", ((0.0, 0.0), (20.0, 30.0)), 2),
        "g3": Gesture("g3", "p1", "stroke", ((2.0, 2.0), (4.0, 4.0), (60.0, 6.0)), 2, include=False),
    }
    objects = {"m1": thing("m1", (1, 1, 19, 19), None), "m2": thing("m2", (50, 0, 70, 10), None)}
    state = State(
        conversation="c", revision=1, turn_number=2, pictures=MappingProxyType(pictures), picture="p1",
        gestures=drawn, objects=objects, selection=(), undo=0, redo=0,
    )  # fmt: skip

    context = plan_context(state, "g1", "g2", "g3")

    assert context.click == Click(x=10, y=15, hits=("m1",), gesture="g2", kind="box")
    assert context.render().splitlines()[-4:-1] == [
        "box g2 at 10,15 on: m1",
        "click g1 (background) at 90,90 on: nothing known",
        "stroke g3 (background) at 4,4 on: m1 m2",
    ]


def test_plan_context_tells_how_edits_are_done_and_whether_undo_would_bring_one_back() -> None:
    pictures = {"p1": OpenedPicture("p1", "0" * 64, 100, 100, "a.png", Path("a.png"))}
    objects = {"m1": thing("m1", (1, 1, 19, 19), None)}
    edits = (
        Edit("e1", "p1", "recolour", (("m1", 1),), (), False, {"colour": "#0000ff"}, 2),
        Edit("e4", "p1", "blur", (), (), True, {"strength": 0.7}, 4),
    )
    states = [
        State(
            conversation="c", revision=1, turn_number=4, pictures=MappingProxyType(pictures), picture="p1",
            gestures={}, objects=objects, selection=(), undo=3, redo=0, edits=edits, changes=(4, 3, 2),
            edits_before=before,
        )
        for before in (("e1", "e3"), ("e1",))
    ]  # fmt: skip

    changed, added = (plan_context(state) for state in states)

    assert [(one.steps, one.replaces) for one in changed.edits] == [(3, False), (1, True)]
    assert not any(one.replaces for one in added.edits)
    assert changed.render().splitlines()[-2] == (
        "edits: e1 recolour m1 colour=#0000ff; e4 blur the whole picture strength=0.7"
    )
