from __future__ import annotations

from typing import Any

import pytest

from workflows.planning.answers import Outcome, answer
from workflows.planning.context import KnownObject, PlanContext

ORANGES = PlanContext(
    objects=tuple(KnownObject(handle=f"m{i}", label="orange", box=(0, 0, 9, 9)) for i in range(1, 18)),
    selection=tuple(f"m{i}" for i in range(1, 18)),
)


def things(label: str, first: int, last: int) -> list[dict[str, Any]]:
    return [{"handle": f"m{i}", "label": label} for i in range(first, last + 1)]


def number(n: int, **more: Any) -> dict[str, Any]:
    return {"n": n, "low": n, "high": n, "borderline": [], "saturated": False, **more}


def counted(arguments: dict[str, Any], counts: dict[str, Any], objects: list[dict[str, Any]]) -> Outcome:
    return Outcome("count", arguments, "", {"counts": counts, "objects": objects})


def test_answer_count_many_one_and_none() -> None:
    many = counted({"phrases": ["orange"]}, {"orange": number(17)}, things("orange", 1, 17))
    one = counted({"phrases": ["lemon"]}, {"lemon": number(1)}, things("lemon", 1, 1))
    none = counted({"phrases": ["unicorn"]}, {"unicorn": number(0)}, [])

    assert answer([many], PlanContext()) == "There are 17 oranges."
    assert answer([one], PlanContext()) == "There is 1 lemon."
    assert answer([none], PlanContext()) == "I found no unicorns."


def test_answer_count_of_several_phrases_names_what_is_missing() -> None:
    counts = {"orange": number(2), "red apple": number(1), "unicorn": number(0)}
    outcome = counted({"phrases": list(counts)}, counts, things("orange", 1, 2) + things("red apple", 3, 3))

    assert answer([outcome], PlanContext()) == "There are 2 oranges and 1 red apple. I found no unicorns."


def test_answer_yes_no_question() -> None:
    yes = counted({"phrases": ["lemon"]}, {"lemon": number(2)}, things("lemon", 1, 2))
    no = counted({"phrases": ["lemon"]}, {"lemon": number(0)}, [])

    assert answer([yes], PlanContext(), "exists") == "Yes, there are 2 lemons."
    assert answer([no], PlanContext(), "exists") == "No, I found no lemons."


def unknown(*phrases: str) -> dict[str, Any]:
    return {"unknown": {"phrases": list(phrases), "why": "the demo detector has no word for it"}}


def test_answer_phrase_that_was_never_asked_says_why() -> None:
    data = {"counts": {"unicorn": number(0, unknown="has no word for it")}, "objects": [], **unknown("unicorn")}
    outcome = Outcome("count", {"phrases": ["unicorn"]}, "", data)
    said = "I found no unicorns: the demo detector has no word for it."

    assert answer([outcome], PlanContext()) == said
    assert answer([outcome], PlanContext(), "exists") == said


@pytest.mark.parametrize(("tool", "found"), [("segment", "I outlined 2 tins"), ("ground", "I found 2 tins")])
def test_answer_what_was_found_comes_before_what_was_never_asked(tool: str, found: str) -> None:
    arguments = {"phrases": ["tin", "lemon", "unicorn", "dragon"]}
    outcome = Outcome(tool, arguments, "", {"objects": things("tin", 1, 2), **unknown("unicorn", "dragon")})

    assert answer([outcome], PlanContext()) == (
        f"{found}: m1 and m2. I found no lemons. I found no unicorns or dragons: the demo detector has no word for it."
    )


def test_answer_only_phrases_that_were_never_asked_says_just_that() -> None:
    outcome = Outcome("segment", {"phrases": ["unicorn"]}, "", {"objects": [], **unknown("unicorn")})

    assert answer([outcome], PlanContext()) == "I found no unicorns: the demo detector has no word for it."


def test_answer_comparison_with_something_never_asked_is_not_made() -> None:
    counts = {"apple": number(2), "unicorn": number(0, unknown="has no word for it")}
    data = {"counts": counts, "objects": things("apple", 1, 2), **unknown("unicorn")}
    said = answer([Outcome("count", {"phrases": list(counts)}, "", data)], PlanContext(), "compare")

    assert "more" not in said


def test_answer_comparison_says_which_is_more() -> None:
    counts = {"tomato": number(2), "potato": number(5)}
    outcome = counted({"phrases": list(counts)}, counts, things("tomato", 1, 2) + things("potato", 3, 7))

    assert answer([outcome], PlanContext(), "compare").endswith("There are more potatoes than tomatoes.")


def test_answer_count_with_a_place_names_handles() -> None:
    outcome = counted({"phrases": ["orange"], "where": {"row": 1}}, {"orange": number(7)}, things("orange", 1, 7))

    assert answer([outcome], PlanContext()) == "There are 7 oranges in the top row: m1 to m7."


def test_answer_count_of_a_part_names_the_whole() -> None:
    part = counted({"where": {"row": 1}}, {"orange": number(7)}, things("orange", 1, 7))
    none = counted({"where": {"colour": "blue"}}, {"orange": number(0)}, [])

    assert answer([part], ORANGES) == "7 of the 17 oranges are in the top row: m1 to m7."
    assert answer([none], ORANGES) == "None of the 17 oranges is blue."


def test_answer_doubt_and_saturation_are_said() -> None:
    counts = {"orange": number(17, low=15, high=18, borderline=["m4", "m9"], saturated=True)}
    said = answer([counted({"phrases": ["orange"]}, counts, things("orange", 1, 17))], PlanContext())

    assert "between 15 and 18" in said
    assert "m4 and m9" in said
    assert "there may be more" in said


def test_answer_negation_says_what_was_left_out() -> None:
    steps = [
        Outcome("segment", {"phrases": ["apple"]}, "", {"objects": things("apple", 1, 9)}),
        Outcome("select", {"where": {"colour": "red"}, "combine": "subtract"}, "", {"objects": things("apple", 1, 5)}),
        counted({}, {"apple": number(5)}, things("apple", 1, 5)),
    ]

    assert answer(steps, PlanContext()) == "There are 5 apples that are not red."


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ("segment", "I outlined 2 oranges and 1 lemon: m1 to m3."),
        ("ground", "I found 2 oranges and 1 lemon: m1 to m3."),
        ("select", "2 oranges and 1 lemon are selected now: m1 to m3."),
        ("show", "Here are 2 oranges and 1 lemon: m1 to m3."),
    ],
)
def test_answer_objects_of_each_tool(tool: str, said: str) -> None:
    outcome = Outcome(tool, {}, "", {"objects": things("orange", 1, 2) + things("lemon", 3, 3)})

    assert answer([outcome], PlanContext()) == said


def test_answer_nothing_found_is_said_plainly() -> None:
    assert answer([Outcome("segment", {"phrases": ["unicorn"]})], PlanContext()) == "I found no unicorns."


def test_answer_empty_selection_says_why() -> None:
    outcome = Outcome("select", {"where": {"colour": "blue"}}, "0 selected. none of 6 is blue (6 orange).")

    assert answer([outcome], PlanContext()) == "Nothing is selected now. None of 6 is blue (6 orange)."


def test_answer_tie_asks_which_one() -> None:
    outcome = Outcome("select", {}, "", {"objects": things("orange", 1, 2), "candidates": ["m1", "m2"]})

    assert "m1 and m2" in answer([outcome], PlanContext())
    assert answer([outcome], PlanContext()).endswith("name it.")


def test_answer_several_undos_are_one_sentence() -> None:
    undo = Outcome("undo", {}, "", {"objects": things("orange", 1, 3)})

    assert answer([undo, undo], PlanContext()) == "I took back 2 steps. 3 oranges are selected now: m1 to m3."


def test_answer_failure_is_passed_on_word_for_word() -> None:
    problem = "ordinal=9 is too large: expected 1 to 6. Name one of them."
    outcomes = [Outcome("undo", {}, "", {"objects": []}), Outcome("select", {}, problem, {}, failed=True)]

    assert answer(outcomes, PlanContext()).endswith(problem)


def test_answer_recall_lists_labels_and_selection() -> None:
    known = [{"picture": "p1", "label": "orange", "turn": 1, "handles": ["m1", "m2", "m3"]}]
    outcome = Outcome("recall", {}, "", {"known": known, "selection": ["m1"]})

    assert answer([outcome], PlanContext()) == "So far I know 3 oranges: m1 to m3. Selected: m1."
    assert answer([Outcome("recall", {}, "", {"known": []})], PlanContext()) == "Nothing has been found yet."


@pytest.mark.parametrize(
    ("arguments", "known", "said"),
    [
        ({"label": "apple"}, ["m1", "m2"], "I know 2 red apples: m1 and m2."),
        ({"turn": 3}, ["m1"], "I know 1 red apple found in turn 3: m1."),
        ({"label": "apple", "picture": "p2"}, ["m1"], "I know 1 red apple on p2: m1."),
        ({"label": "pear"}, [], "I know no pears."),
        ({"turn": 3, "picture": "p2"}, [], "I know no objects on p2 found in turn 3."),
    ],
)
def test_answer_recall_of_a_part_says_which(arguments: dict[str, Any], known: list[str], said: str) -> None:
    groups = [{"picture": "p1", "label": "red apple", "turn": 3, "handles": known}] if known else []

    assert answer([Outcome("recall", arguments, "", {"known": groups, "objects": []})], PlanContext()) == said


def similar(n: int, first: int = 1, arguments: dict[str, Any] | None = None, **more: Any) -> Outcome:
    data = {"counts": {"orange": number(n, **more)}, "objects": things("orange", first, first + n - 1)}
    return Outcome("find_similar", arguments or {}, "", data)


def test_answer_similar_names_the_example_and_says_doubts_as_a_count_does() -> None:
    outcome = similar(3, arguments={"handles": ["m1"]}, low=2, high=4, borderline=["m3"])

    assert answer([outcome], PlanContext()) == (
        "There are 3 oranges like m1: m1 to m3. The true number may lie between 2 and 4. Doubtful: m3."
    )


def test_answer_similar_without_handles_names_what_was_selected_before_it() -> None:
    clicked = Outcome("segment", {"gestures": ["g1"], "quantity": "one"}, "", {"objects": things("object", 9, 9)})

    assert answer([clicked, similar(2, 9)], ORANGES) == "There are 2 oranges like m9: m9 and m10."
    assert answer([similar(1, 30, {"picture": "p2"})], ORANGES) == "There is 1 orange like m1 to m17 on p2: m30."


def test_answer_similar_nothing_but_the_example_is_said_plainly() -> None:
    assert answer([similar(1, arguments={"handles": "m1"})], PlanContext()) == "I found no other oranges like m1."
    none = similar(0, arguments={"handles": ["m1"], "picture": "p2"})
    assert answer([none], PlanContext()) == "I found no oranges like m1 on p2."


def test_answer_similar_then_a_place_says_both() -> None:
    left = Outcome("select", {"where": {"side": "left"}}, "", {"objects": things("orange", 2, 2)})

    assert answer([similar(3, arguments={"handles": ["m1"]}), left], PlanContext()) == (
        "There are 3 oranges like m1: m1 to m3. 1 orange is selected now: m2."
    )


def test_answer_forget_names_what_is_gone() -> None:
    some = Outcome("forget", {"handles": ["m3"]}, "", {"forgotten": ["m3"]})

    assert answer([some], PlanContext()) == "I forgot m3."
    assert answer([Outcome("forget", {}, "", {"forgotten": ["m1", "p1"]})], PlanContext()) == "I forgot everything."


def test_answer_when_nothing_was_found_what_fails_after_it_is_not_said() -> None:
    outcomes = [
        Outcome("segment", {"phrases": ["unicorn"]}, "", {"objects": []}),
        Outcome("select", {"where": {"colour": "red"}}, "handles=None means the selection.", {}, failed=True),
        counted({}, {}, []),
    ]

    assert answer(outcomes, PlanContext()) == "I found no unicorns."


def test_answer_when_nothing_was_added_says_what_is_selected_still() -> None:
    outcomes = [
        Outcome("segment", {"phrases": ["lemon"]}, "", {"objects": []}),
        Outcome("select", {"handles": ["m1"], "combine": "add"}, "", {"objects": things("orange", 1, 1)}),
    ]

    assert answer(outcomes, PlanContext()) == "I found no lemons. 1 orange is selected now: m1."


def test_answer_first_failure_is_the_last_thing_said() -> None:
    outcomes = [Outcome("count", {"phrases": ["orange"]}, "No picture is open.", {}, failed=True)] * 2
    outcomes.append(counted({}, {}, []))

    assert answer(outcomes, PlanContext()) == "No picture is open."


def test_answer_with_nothing_to_undo_or_redo_says_so_plainly() -> None:
    undone = Outcome("undo", {}, "1 turn undone.", {"objects": []})
    refused = [Outcome(tool, {}, f"{tool}: nothing to {tool}", {}, True) for tool in ("undo", "redo")]

    assert answer(refused[:1], PlanContext()) == "There is nothing to take back."
    assert answer(refused[1:], PlanContext()) == "There is nothing to bring back."
    assert answer([undone, refused[0]], PlanContext()).endswith("now. There is nothing to take back.")


def shelf(
    findings: list[dict[str, Any]], *, expected: bool = True, review: tuple[int, ...] = (), **more: Any
) -> Outcome:
    """3 oranges and 1 lemon on three rows: orange 2, 0, 1; lemon 0, 1, 0."""
    rows = {"orange": {1: 2, 3: 1}, "lemon": {2: 1}}
    counts = [
        {"label": label, "row": row, "n": n, "low": n, "high": n + 1, "review": row in review}
        for label, tally in rows.items()
        for row, n in {0: sum(tally.values()), **tally}.items()
    ]
    data = {
        "counts": {label: number(sum(tally.values())) for label, tally in rows.items()},
        "objects": things("orange", 1, 3) + things("lemon", 4, 4),
        "shelf": {"rows": [{}, {}, {}], "counts": counts, "findings": findings, "expected": expected, **more},
    }
    return Outcome("count_shelf", {}, "", data)


def finding(kind: str, label: str, row: int, expected: tuple[int, int | None] | None, found: int) -> dict[str, Any]:
    return {"kind": kind, "label": label, "row": row, "expected": expected, "found": found}


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (
            shelf(
                [
                    finding("missing", "orange", 2, (6, 6), 4),
                    finding("surplus", "lemon", 1, (1, 2), 4),
                    finding("misplaced", "lemon", 2, None, 1),
                    finding("missing", "pear", 0, (1, None), 0),
                    finding("gap", "", 2, None, 0),
                    finding("gap", "", 3, None, 0),
                    finding("gap", "orange", 3, None, 0),
                ]
            ),
            "3 oranges and 1 lemon in 3 rows. In all: 0 of 1 pear, 1 missing. Row 1: 4 lemons, 2 too many. "
            "Row 2: 4 of 6 oranges, 2 missing; 1 lemon out of place; an empty place. Row 3: 2 empty places.",
        ),
        (shelf([]), "3 oranges and 1 lemon in 3 rows. Everything on the list is there as it should be."),
        (
            shelf([], expected=False),
            "3 oranges and 1 lemon in 3 rows. Row 1: 2 oranges. Row 2: 1 lemon. Row 3: 1 orange.",
        ),
        (
            shelf([], expected=False, elsewhere=["north a", "north b"]),
            "3 oranges and 1 lemon in 3 rows. Row 1: 2 oranges. Row 2: 1 lemon. Row 3: 1 orange. "
            "The list says what should stand on north a, north b, and I cannot tell which of them this is.",
        ),
        (
            shelf([], review=(1, 2)),
            "3 oranges and 1 lemon in 3 rows. Everything on the list is there as it should be. "
            "Please check oranges in the top row (2 to 3) and lemons in row 2 (1 to 2).",
        ),
        (
            shelf([], review=(0,)),
            "3 oranges and 1 lemon in 3 rows. Everything on the list is there as it should be. "
            "Please check oranges (3 to 4) and lemons (1 to 2).",
        ),
    ],
)
def test_answer_count_of_a_shelf_tells_row_by_row_what_to_do(outcome: Outcome, said: str) -> None:
    assert answer([outcome], PlanContext()) == said


def test_answer_count_of_a_shelf_that_is_far_off_stays_short() -> None:
    findings = [finding("missing", "orange", row, (6, 6), 4) for row in range(1, 30)]
    said = answer([shelf(findings, review=(1, 2, 3))], PlanContext())

    assert said.count("Row ") == 8
    assert "There are 21 more differences." in said


def test_answer_count_of_a_shelf_where_nothing_was_found_says_so() -> None:
    data = {"counts": {"orange": number(0)}, "objects": [], "shelf": {**shelf([]).data["shelf"], "counts": []}}
    data["shelf"]["findings"] = [finding("missing", "orange", 0, (6, 6), 0)]

    said = answer([Outcome("count_shelf", {}, "", data)], PlanContext())
    assert said == "I found nothing like that. In all: 0 of 6 oranges, 6 missing."


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("spanish", "3 naranjas y 1 limón en 3 filas. Fila 2: 4 de 6 naranjas, faltan 2; un hueco vacío. Comprueba,"),
        ("french", "3 oranges et 1 citron sur 3 rangées. Rangée 2 : 4 sur 6 oranges, il en manque 2; une place vide."),
        ("german", "3 Orangen und 1 Zitrone in 3 Reihen. Reihe 2: 4 von 6 Orangen, 2 zu wenig; ein leerer Platz."),
        ("portuguese", "3 laranjas e 1 limão em 3 filas. Fila 2: 4 de 6 laranjas, faltam 2; um lugar vazio. Verifique"),
        ("italian", "3 arance e 1 limone in 3 file. Fila 2: 4 di 6 arance, ne mancano 2; un posto vuoto. Da"),
        ("chinese", "3排里有3个橙子和1个柠檬。|第2排|橙子应有6个|现有4个|缺2个|一个空位|请检查|最上面一排"),
        ("japanese", "3段にオレンジ3個とレモン1個があります。|2段目|オレンジが6個のうち4個、2個不足|空きが1か所。"),
    ],
)
def test_answer_count_of_a_shelf_in_every_language(language: str, said: str) -> None:
    findings = [finding("missing", "orange", 2, (6, 6), 4), finding("gap", "", 2, None, 0)]
    outcome = shelf(findings, review=(1,))

    whole = answer([outcome], PlanContext(), language=language)
    places = [whole.find(part) for part in said.split("|")]
    assert places == sorted(places)
    assert places[0] == 0
    others = [finding("surplus", "lemon", 0, (1, 2), 4), finding("misplaced", "lemon", 1, None, 1), *findings]
    more = [finding("gap", "", 2, None, 0)] + [finding("missing", "orange", row, (6, 6), 4) for row in range(3, 14)]
    for other in (shelf([*others, *more], review=(0, 1, 2, 3)), shelf([]), shelf([], elsewhere=["a", "b"])):
        assert "{" not in answer([other], PlanContext(), language=language)


def an_edit(handle: str, action: str, handles: list[str], invert: bool = False, **parameters: Any) -> dict[str, Any]:
    return {"handle": handle, "action": action, "handles": handles, "invert": invert, "parameters": parameters}


def edited(arguments: dict[str, Any], *edits: dict[str, Any], **data: Any) -> Outcome:
    return Outcome("edit", arguments, "", {"objects": things("orange", 1, 3), "edits": list(edits), **data})


@pytest.mark.parametrize(
    ("arguments", "made", "said"),
    [
        ({}, an_edit("e1", "blur", ["m1", "m2", "m3"], invert=True), "I blurred everything but 3 oranges: m1 to m3."),
        ({}, an_edit("e1", "grayscale", [], invert=True), "I turned the whole picture gray."),
        ({}, an_edit("e1", "remove", ["m1"]), "I took 1 orange out of the picture: m1."),
        (
            {"colour": "dark red", "strength": 0.5},
            an_edit("e1", "recolour", ["m1"], colour="#8b0000", strength=0.5, feather=2.0),
            "I recoloured 1 orange: m1 (dark red, strength 50 %).",
        ),
        (
            {"background": "p2"},
            an_edit("e1", "replace_background", ["m1"], background="p2"),
            "behind 1 orange: m1 (p2).",
        ),
        ({"dx": -5, "dy": 3}, an_edit("e1", "move", ["m1"], dx=-5.0, dy=3.0), "(5 px to the left, 3 px down)."),
        ({"dx": 9}, an_edit("e1", "duplicate", ["m1"], dx=9.0), "I copied 1 orange: m1 (9 px to the right)."),
        (
            {"edit": "e1", "feather": 2.5},
            an_edit("e2", "cut_out", ["m1"], feather=2.5),
            "I changed the cut-out: 1 orange: m1 (soft edge 2.5 px).",
        ),
    ],
)
def test_answer_edit_says_what_was_done_to_what_and_how(
    arguments: dict[str, Any], made: dict[str, Any], said: str
) -> None:
    assert answer([edited(arguments, made)], PlanContext()).endswith(said)


def test_answer_edits_dropped_and_put_in_order() -> None:
    blur, dark = an_edit("e1", "blur", ["m1"]), an_edit("e2", "darken", ["m1"])

    assert answer([edited({"edit": "e1"}, dropped=[blur], stack=[dark])], PlanContext()) == "I took back: blur (e1)."
    assert answer([edited({}, dropped=[blur, dark], stack=[])], PlanContext()).endswith("The picture is as it was.")
    ordered = answer([edited({"edit": "e2", "place": 1}, stack=[dark, blur])], PlanContext())
    assert ordered == "The edits are done in this order now: darkening (e2) and blur (e1)."


def test_answer_edit_in_german_has_colour_and_reason() -> None:
    made = an_edit("e1", "recolour", ["m1"], colour="#ff0000")
    outcome = edited({"colour": "red"}, made)
    reason = Outcome("explain", {}, "", {"edits": [{**made, "turn": 3, "request": "mach sie rot"}], "objects": []})

    assert answer([outcome], PlanContext(), "", "german") == "Umgefärbt: 1 Orange: m1 (rot)."
    assert "in Runde 3 („mach sie rot“)" in answer([reason], PlanContext(), "", "german")
