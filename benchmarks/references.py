"""How often a reference in plain English means the right things, against layouts of which the truth is known.

    python -m benchmarks.references [FILE] [--json]

A case is a talk about one layout: what is said, turn by turn, through the planner without a key, the tools and the
memory, with services that see exactly what was drawn. Right means: after the last turn the answer is about exactly the
things expected, or asks which of exactly those that fit equally well. The file is YAML: layout → `begin`, the sentence
every talk begins with, and `cases`, each with `say` (what is said then) or `fresh` (all that is said, without that
beginning), a sentence or several, where `{name}` stands for the handle of a thing and `@name` is a click on it; with
`is`, `asks` (things, as `Layout.named` reads them) or `says` (words of the answer).
This module does not know how a reference is resolved.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from agent_tools.errors import ConfigError, ToolInputError
from agent_tools.memory import Memory
from agent_tools.pictures import Picture, open_picture
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import VisionToolkit
from benchmarks.reference_layouts import LAYOUTS, Layout, name_at
from workflows.planning.answers import Outcome, answer
from workflows.planning.context import PlannedCall, plan_context
from workflows.planning.rules import mood, plan

CASES = Path(__file__).parent.parent / "tests" / "workflows" / "reference_cases.yaml"
EVERYWHERE = "in all pictures: "
"""What a sentence begins with that is asked of every picture, one after the other."""
_SAID, _EXPECTED = {"say", "fresh"}, {"is", "asks", "says"}


@dataclass(frozen=True)
class Case:
    """One talk and what its last answer has to be about: exactly one of `means`, `asks` and `says` is set."""

    layout: str
    say: tuple[str, ...]
    means: str | None = None
    asks: str | None = None
    says: str | None = None

    def __str__(self) -> str:
        return f"{self.layout}: {' / '.join(self.say)}"


@dataclass(frozen=True)
class Verdict:
    """What came of a case: whether it is right, what was wanted, what came, and the last answer."""

    case: Case
    right: bool
    wanted: str
    got: str
    answer: str


def read_cases(path: Path = CASES) -> list[Case]:
    """The cases in a file.

    Raises:
        ConfigError: it names an unknown layout, or a case does not say exactly one thing that is expected.
    """
    cases = []
    for layout, talks in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        for entry in talks["cases"]:
            given = set(entry)
            if layout not in LAYOUTS or (len(given & _SAID), len(given & _EXPECTED), len(given)) != (1, 1, 2):
                raise ConfigError(
                    f"case={entry} of {layout} cannot be used: expected say or fresh, and one of is, asks, says. "
                    f"Correct {path}."
                )
            said = entry.get("say", entry.get("fresh"))
            say = (said,) if isinstance(said, str) else tuple(said)
            if "say" in entry:
                say = (talks["begin"], *say)
            cases.append(Case(layout, say, entry.get("is"), entry.get("asks"), entry.get("says")))
    return cases


def run_case(case: Case, memory: Memory) -> Verdict:
    """Hold the talk, and compare."""
    layout, pictures = _drawn(case.layout)
    services = Services(FakeDetector(layout.answers), FakeSegmenter(), "custom", "fake-detector", "fake-segmenter")
    toolkit = VisionToolkit(services=services, memory=memory)
    handles = [toolkit.open_picture(picture) for picture in pictures]
    done: list[Outcome] = []
    answered = ""
    for sentence in case.say:
        done, answered = _said(toolkit, layout, handles, sentence)
    fit = next((each.data["candidates"] for each in reversed(done) if each.data.get("candidates")), None)
    about = [thing["handle"] for each in done[-1:] for thing in each.data.get("objects", ())]
    if case.says is not None:
        return Verdict(case, case.says in answered, case.says, answered, answered)
    wanted = layout.named(str(case.means if case.asks is None else case.asks))
    got = {_name(layout, toolkit, handle) for handle in (about if fit is None else fit)}
    asked = fit is not None and "Which one" in answered
    right = got == wanted and asked is (case.asks is not None) and bool(done) and not done[-1].failed
    said = " ".join(sorted(wanted)), " ".join(sorted(got))
    return Verdict(case, right, "asks " * (case.asks is not None) + said[0], "asks " * asked + said[1], answered)


@cache
def _drawn(name: str) -> tuple[Layout, list[Picture]]:
    layout = LAYOUTS[name]()
    return layout, [open_picture(layout.painted(number)) for number in range(layout.pictures)]


def _said(toolkit: VisionToolkit, layout: Layout, pictures: Sequence[str], sentence: str) -> tuple[list[Outcome], str]:
    """One turn: its calls with what came of them, and the answer."""
    clicked = re.match(r"@(\w+) *", sentence)
    click = next(item.middle for item in layout.items if item.name == clicked[1]) if clicked else None
    sentence = sentence[clicked.end() :] if clicked else sentence
    everywhere = sentence.startswith(EVERYWHERE)
    named = {_name(layout, toolkit, handle): handle for handle in toolkit.state.objects}
    request = sentence.removeprefix(EVERYWHERE).format(**named)
    done: list[Outcome] = []
    with toolkit.turn(request, click) as turn:
        for picture in pictures if everywhere else pictures[-1:]:
            turn.use_picture(picture)
            gesture = toolkit.gesture(None, "point", [click]) if click else None
            context = plan_context(turn.state, *([gesture] if gesture else []))
            planned = plan(request, context)
            done = [_called(toolkit, call) for call in planned.calls]
            turn.answer = planned.reply or answer(done, context, mood(request))
        if everywhere:
            turn.select(list(turn.state.objects))
    return done, turn.answer


def _called(toolkit: VisionToolkit, call: PlannedCall) -> Outcome:
    try:
        result = toolkit.call(call.tool, call.arguments)
    except ToolInputError as error:
        return Outcome(call.tool, call.arguments, str(error), {}, failed=True)
    return Outcome(call.tool, call.arguments, result.text, result.data)


def _name(layout: Layout, toolkit: VisionToolkit, handle: str) -> str:
    thing = toolkit.state.objects[handle]
    return name_at(layout, list(toolkit.state.pictures).index(thing.picture), thing.box)


def run(cases: Sequence[Case]) -> Iterator[Verdict]:
    """Every case, each in a conversation of its own."""
    with Memory.temporary() as memory:
        for case in cases:
            yield run_case(case, memory)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how many cases are right, and the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=CASES, help="a file of cases (default: the repository's)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args(arguments)
    verdicts = list(run(read_cases(chosen.file)))
    missed = [verdict for verdict in verdicts if not verdict.right]
    result = {"right": len(verdicts) - len(missed), "cases": len(verdicts)}
    if chosen.json:
        print(json.dumps(result))
        return
    for miss in missed:
        print(f"{miss.case}\n    expected {miss.wanted}\n    got      {miss.got}\n    answer   {miss.answer}")
    print(f"{result['right']} of {result['cases']} right")


if __name__ == "__main__":
    main()
