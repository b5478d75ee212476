"""`askmask demo`: one rendered scene, one question, one follow-up, checked against the truth, and one edit.

The scene's generator knows what it painted, so the demo can say whether the answer is true. This module does not know
how the scene is painted or how the models were trained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workflows.agent_loop.events import call_in_words
from workflows.commands.session import OUT, Choice, Outcome, Session, session, write_new
from workflows.commands.terminal import note, result, result_json, working

if TYPE_CHECKING:
    from workflows.demo_models.scenes import Scene

SEED = 10_000_208
EDIT = "blur the rest"
"""The last request: everything but what is selected then."""
SIZE = (640, 480)
"""Width and height of the scene, pixels."""


@dataclass(frozen=True)
class Step:
    """A request, what came of it, and how many things the scene truly holds for it."""

    request: str
    outcome: Outcome
    truth: int

    @property
    def found(self) -> int:
        """How many things the answer is about."""
        return len(self.outcome.reply.objects)

    def as_json(self) -> dict[str, Any]:
        """As ``ask --json``, with the request, the truth and whether they agree."""
        return {
            "request": self.request,
            **self.outcome.as_json(),
            "truth": self.truth,
            "true": self.found == self.truth,
        }


def demo(choice: Choice, seed: int, out: Path | None, *, as_json: bool) -> None:
    """Run the demo in a conversation that is thrown away afterwards."""
    from agent_tools.memory import Memory
    from agent_tools.pictures import Picture
    from workflows.demo_models.scenes import PLURALS, render_scene

    choice = replace(choice, models=choice.models or "demo")
    if notice := choice.notice():
        note(notice)
    scene = render_scene(seed, *SIZE)
    picture = Picture.from_array(scene.image, f"demo-scene-{seed}.png")
    source = write_new(out or OUT, f"demo-scene-{seed}", picture.original, ".png")
    if not as_json:
        result(f"Scene:    {source}")
    with Memory.temporary() as memory, session(choice, out=out, memory=memory) as talk:
        talk.open([picture])
        noun, colour = commonest(scene)
        named = PLURALS[noun] if scene.count(noun) == scene.count(noun, colour) else f"{colour} {PLURALS[noun]}"
        steps = []
        for request, truth in (
            (f"count the {named}", scene.count(noun, colour)),
            ("only the ones on the left", left_half(scene, noun, colour)),
        ):
            steps.append(_step(talk, request, truth))
            if not as_json:
                _print(steps[-1])
        with working("editing"):
            edit = talk.ask(EDIT)
        if not as_json:
            _print_outcome(EDIT, edit)
    if as_json:
        first, follow_up = (step.as_json() for step in steps)
        said = {"request": EDIT, **edit.as_json()}
        result_json({**first, "scene": str(source.absolute()), "follow_up": follow_up, "edit": said})


def commonest(scene: Scene) -> tuple[str, str]:
    """The noun and colour that the scene holds most of."""
    kinds = [(thing.noun, thing.colour) for thing in scene.objects]
    return max(sorted(set(kinds)), key=kinds.count)


def left_half(scene: Scene, noun: str, colour: str) -> int:
    """How many of a kind have their middle in the left half of the scene."""
    middle = scene.image.shape[1] / 2
    same = [thing for thing in scene.objects if (thing.noun, thing.colour) == (noun, colour)]
    return sum(float(thing.box[0] + thing.box[2]) / 2 < middle for thing in same)


def _step(talk: Session, request: str, truth: int) -> Step:
    with working("looking"):
        return Step(request, talk.ask(request), truth)


def _print(step: Step) -> None:
    verdict = "true" if step.found == step.truth else "not true"
    _print_outcome(step.request, step.outcome, f"{step.truth} were painted, so that is {verdict}")


def _print_outcome(request: str, outcome: Outcome, truth: str = "") -> None:
    result(f"\nRequest:  {request}")
    for call in outcome.reply.calls:
        result(f"Call:     {call_in_words(**call)}")
    result(f"Answer:   {outcome.reply.answer}")
    if truth:
        result(f"Truth:    {truth}")
    for handle, path in outcome.pictures.items():
        result(f"{'Edited:  ' if handle in outcome.edited else 'Picture: '} {path}")
