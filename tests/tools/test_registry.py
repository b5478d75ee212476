"""The registry: names, schemas, errors, and calls that come twice."""

import json
import re
from typing import Any

import pytest

from agent_tools.errors import ToolInputError
from agent_tools.tools.arguments import expand
from agent_tools.tools.registry import TOOLS, schema

DESIGN = {
    "edit": "action handles invert colour strength background feather dx dy edit place",
    "open_picture": "source",
    "ground": "phrases quantity picture",
    "segment": "phrases gestures handles mode quantity where picture",
    "count": "phrases handles where picture",
    "count_shelf": "products picture",
    "refine_with_point": "handle point include",
    "switch_mask": "handles to",
    "find_similar": "handles picture",
    "select": "handles where combine",
    "show": "handles picture",
    "recall": "label turn picture",
    "explain": "handles",
    "undo": "",
    "redo": "",
    "forget": "handles picture",
}
WHERE = (
    "side row column colour inside outside near left_of right_of above below label turn min_score review "
    "order ordinal extreme limit exclude"
)


def test_tools_have_the_names_and_arguments_of_the_design() -> None:
    assert {name: " ".join(schema(tool)["properties"]) for name, tool in TOOLS.items()} == DESIGN
    for name in ("segment", "count", "select"):
        assert " ".join(schema(TOOLS[name])["properties"]["where"]["properties"]) == WHERE


def test_schemas_are_short_and_whole() -> None:
    texts = [
        json.dumps({"name": tool.name, "description": tool.description, "parameters": schema(tool)})
        for tool in TOOLS.values()
    ]
    assert sum(map(len, texts)) < 12500
    assert not [word for text in texts for word in ("$ref", "null", "title") if word in text]
    for tool in TOOLS.values():
        assert schema(tool)["additionalProperties"] is False
        assert 40 <= len(tool.description) <= 330, tool.name


def test_schemas_require_what_has_no_default() -> None:
    required = {name: schema(tool).get("required", []) for name, tool in TOOLS.items()}
    assert {name: fields for name, fields in required.items() if fields} == {
        "open_picture": ["source"],
        "ground": ["phrases"],
        "refine_with_point": ["handle", "point"],
        "switch_mask": ["to"],
    }


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("cuont", {}, r"^tool=cuont does not exist: expected one of open_picture, .* Did you mean count\?"),
        ("xyzzy", {}, r"^tool=xyzzy does not exist: expected .* Call one of these\."),
        ("undo", {"steps": 2}, r"^steps=2 is not an argument of undo: expected no arguments\. Leave steps out\."),
        ("count", {"phrase": "red"}, r"^phrase=red is not an argument of count: expected phrases, .* mean phrases\?"),
        ("count", {"phrases": []}, r"^phrases=\[\] is not valid: expected 1 or more\. Correct phrases"),
        ("count", {"phrases": [3]}, r"^phrases\.0=3 is not valid: expected a valid string"),
        ("count", {"where": "left"}, r"^where=left is not valid: expected "),
        ("ground", {}, r"^phrases is missing: expected a value\. Call ground again with phrases\."),
        (
            "ground",
            {"phrases": ["a"], "quantity": "two"},
            r"^quantity=two is not valid: expected 'all' or 'one'\. Correct",
        ),
        ("select", {"where": {"row": "top"}}, r"^where\.row=top is not valid: expected a valid integer"),
    ],
)
def test_call_that_does_not_fit_names_field_constraint_and_next_step(
    shelf: Any, name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ToolInputError, match=message) as caught:
        shelf.call(name, arguments)
    assert re.fullmatch(r".+: expected .+\.\s.+[.?]", str(caught.value))


@pytest.mark.parametrize(
    "phrases",
    ["red", ["red"], ["Red "], "RED.", ["red", "red"], "red, red"],
    ids=["text", "list", "case", "stop", "twice", "commas"],
)
def test_phrases_are_taken_as_models_write_them(make: Any, phrases: Any) -> None:
    assert list(make().call("count", {"phrases": phrases, "where": None, "handles": None}).data["counts"]) == ["red"]


@pytest.mark.parametrize(
    ("names", "expanded"),
    [
        (["m1-m3"], ["m1", "m2", "m3"]),
        (["M2", "m1-3", "m2"], ["m2", "m1", "m3"]),
        (["m3..m4", "g1"], ["m3", "m4", "g1"]),
        (["m5-m2"], ["m5-m2"]),
        (["m1-m999999"], ["m1-m999999"]),
    ],
)
def test_expand_writes_ranges_out(names: list[str], expanded: list[str]) -> None:
    assert expand(names) == expanded


def test_call_that_comes_twice_is_answered_alike_and_done_once(make: Any) -> None:
    toolkit = make()
    first = toolkit.call("count", {"phrases": ["red"]}, "call-1")
    toolkit.call("select", {"where": {"row": 1}}, "call-2")
    again = toolkit.call("count", {"phrases": ["red"]}, "call-1")
    assert (again.text, again.data) == (first.text, first.data)
    assert toolkit.state.selection == ("m1", "m2")
    assert len(toolkit.services.detector.calls) == 1


def test_call_id_that_comes_again_with_other_arguments_is_a_new_call(make: Any) -> None:
    toolkit = make()
    toolkit.call("count", {"phrases": ["red"]}, "0")
    assert toolkit.call("count", {"phrases": ["blue"]}, "0").data["counts"]["blue"]["n"] == 2


def test_call_that_failed_is_tried_again(make: Any) -> None:
    toolkit = make()
    with toolkit.turn("select, then look"):
        with pytest.raises(ToolInputError):
            toolkit.call("select", {"handles": ["m1"]}, "a")
        toolkit.call("count", {"phrases": ["red"]}, "b")
        assert toolkit.call("select", {"handles": ["m1"]}, "a").data["selection"] == ["m1"]


def test_calls_of_a_turn_are_recorded_with_their_results(make: Any) -> None:
    toolkit = make()
    with toolkit.turn("count the red ones") as turn:
        toolkit.call("count", {"phrases": "red", "picture": None}, "a")
        with pytest.raises(ToolInputError):
            toolkit.call("select", {"where": {"sied": 1}}, "b")
        turn.answer = "3"
    counted, refused = toolkit.history()[-1].calls
    assert (counted.call_id, counted.tool, counted.arguments) == ("a", "count", {"phrases": ["red"]})
    assert counted.data["objects"][0]["mask"] == toolkit.state.objects["m1"].mask.to_coco()
    assert (refused.arguments, refused.error, refused.data) == ({"where": {"sied": 1}}, True, {})
    assert refused.text.startswith("where.sied=1 is not an argument")


def test_call_that_fails_changes_nothing(shelf: Any) -> None:
    before = shelf.state
    for name, arguments in (
        ("segment", {"phrases": ["red"], "where": {"row": 9}}),
        ("forget", {"handles": ["m1", "m99"]}),
    ):
        with pytest.raises(ToolInputError):
            shelf.call(name, arguments)
    assert shelf.state == before
