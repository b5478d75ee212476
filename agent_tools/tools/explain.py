"""The tool that says where objects come from: "why did you count that one?".

It tells what memory kept and asks no model again, so that the reasons are those of then. It does not know how anything
was found.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import Field

from agent_tools.certainty import DOUBTFUL
from agent_tools.errors import ToolInputError, shorten
from agent_tools.memory import ObjectVersion
from agent_tools.tools.arguments import Arguments, Names, expand
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.edit import described, edit_record
from agent_tools.tools.wording import bounded, compact, record

LISTED = 20
"""Most objects that get a line of their own; of more, those that are doubtful, corrected or made from others do."""


class ExplainArguments(Arguments):
    """Which objects."""

    handles: Names | None = Field(None, description="Default: the selection.")


def explain(context: ToolContext, arguments: ExplainArguments) -> ToolResult:
    """Why: "why did you count that one?". The phrase or gesture, model, score and chance behind objects, corrections
    and edits (e2) since.
    """
    names = None if arguments.handles is None else expand(arguments.handles)
    edits = {one.handle: one for one in context.state.edits}
    named = [edits[name] for name in names or () if name in edits]
    things = context.chosen_or_selected(None if names is None else [name for name in names if name not in edits])
    if not things and not named:
        raise ToolInputError(
            "handles=None means the selection, which is empty: expected handles. Name those to explain, such as m1-m4."
        )
    histories = [history(context, thing) for thing in things]
    own = [thing.handle for thing in things]
    named += [one for one in edits.values() if not one.invert and {*own} & {handle for handle, _ in one.objects}]
    made = (version.turn for versions in histories for version in versions)
    words = context.turn.requests([*made, *(one.turn for one in named)])
    known = [_provenance(versions, words) for versions in histories]
    origins: dict[str, list[str]] = {}
    for each in known:
        origins.setdefault(_origin(each), []).append(each["handle"])
    lines = [f"{compact(handles)}: {origin}." for origin, handles in origins.items()]
    remarkable = [each for each in known if len(known) <= LISTED or _is_remarkable(each)]
    lines += [f"{each['handle']} {_details(each)}" for each in remarkable[:LISTED]]
    if len(remarkable) > LISTED:
        lines.append(f"{len(remarkable) - LISTED} more are doubtful or corrected; name fewer handles to read of them.")
    done = [{**edit_record(one), "turn": one.turn, "request": words.get(one.turn)} for one in named]
    lines += [f"{each['handle']}: {described(context, edits[each['handle']])}, in {_when(each)}" for each in done]
    of = dict.fromkeys([*own, *(handle for each in done for handle in each["handles"])])
    objects = [record(thing) for thing in context.objects([name for name in of if name in context.state.objects])]
    return ToolResult(bounded("\n".join(lines)), {"objects": objects, "provenance": known, "edits": done})


def history(context: ToolContext, thing: ObjectVersion) -> list[ObjectVersion]:
    """The versions that led to this one, first to last; those that were undone are not among them."""
    versions = [thing]
    while (parent := versions[-1].parent) is not None and parent[0] == thing.handle:
        versions.append(context.turn.version(*parent))
    return versions[::-1]


def _provenance(versions: Sequence[ObjectVersion], words: Mapping[int, str]) -> dict[str, Any]:
    """All that is known of where an object comes from, for programs."""
    first, last = versions[0], versions[-1]
    asked: dict[str, Any] = {key: value for prompt in reversed(first.prompts) for key, value in prompt.items()}
    chance = asked.get("chance")
    return {
        "handle": last.handle,
        "picture": last.picture,
        "label": last.label,
        "phrase": asked.get("phrase"),
        "gesture": asked.get("gesture"),
        "like": asked.get("like"),
        "turn": first.turn,
        "request": words.get(first.turn),
        "model": first.model,
        "score": first.score,
        "threshold": asked.get("threshold"),
        "chance": chance,
        "borderline": chance is not None and chance < DOUBTFUL,
        "review": last.review,
        "parent": None if first.parent is None else list(first.parent),
        "versions": [_version(before, each, words) for before, each in zip((None, *versions), versions, strict=False)],
    }


def _version(before: ObjectVersion | None, one: ObjectVersion, words: Mapping[int, str]) -> dict[str, Any]:
    """A version and what it was made with; `prompts` are those that the one before did not have."""
    return {
        "version": one.version,
        "turn": one.turn,
        "request": words.get(one.turn),
        "model": one.model,
        "label": one.label,
        "prompts": [dict(prompt) for prompt in one.prompts[len(before.prompts) if before else 0 :]],
        "candidate": one.candidate,
        "predicted_iou": one.predicted_iou,
        "stability": one.stability,
        "area": one.area,
        "review": one.review,
    }


def _origin(known: Mapping[str, Any]) -> str:
    """How it came about, in words that objects of one look share."""
    if known["gesture"] and known["phrase"]:
        how = f'pointed at ({known["gesture"]}) as "{shorten(known["phrase"])}"'
    elif known["gesture"]:
        how = f"pointed at ({known['gesture']})"
    elif known["phrase"]:
        how = f'found by "{shorten(known["phrase"])}"'
    elif known["like"]:
        how = f"found to be like {compact(known['like'])}"
    elif known["parent"]:
        how = "made"
    else:
        how = "found without words"
    maker = f" by {shorten(known['model'])}" if known["model"] else ""
    counts = "" if known["threshold"] is None else f"; a hit begins at score {known['threshold']:.2f}"
    return f"{how} in {_when(known)}{maker}{counts}"


def _when(known: Mapping[str, Any]) -> str:
    return f"turn {known['turn']}" + (f' ("{shorten(known["request"])}")' if known["request"] else "")


def _is_remarkable(known: Mapping[str, Any]) -> bool:
    return known["borderline"] or known["review"] or known["parent"] is not None or len(known["versions"]) > 1


def _details(known: Mapping[str, Any]) -> str:
    """What is particular to one object."""
    score, threshold = known["score"], known["threshold"]
    below = score is not None and threshold is not None and score < threshold
    parts = [
        known["label"] + ("" if score is None else f" {score:.2f}") + (", below a hit" if below else ""),
        "" if known["chance"] is None else f"real with chance {known['chance']:.0%}",
        "borderline" if known["borderline"] else "",
        "to review" if known["review"] else "",
        f"made from {known['parent'][0]}" if known["parent"] else "",
        *_corrections(known["versions"]),
    ]
    return ", ".join(part for part in parts if part)


def _corrections(versions: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    for before, one in itertools.pairwise(versions):
        changes = [_prompt(prompt) for prompt in one["prompts"]]
        changes += [f"now {one['label']}"] if one["label"] != before["label"] else []
        changes += [f"{before['area']} -> {one['area']} pixels"] if one["area"] != before["area"] else []
        yield f"v{one['version']} in {_when(one)}: {' '.join(filter(None, changes)) or 'as before'}"


def _prompt(prompt: Mapping[str, Any]) -> str:
    """A prompt of a correction in few words: ``g2 out at (10, 20)``."""
    signs = zip(prompt.get("points", ()), prompt.get("labels", ()), strict=False)
    spots = [f"{'in' if label else 'out'} at ({x:g}, {y:g})" for (x, y), label in signs]
    named = [prompt[name] for name in ("gesture", "phrase") if prompt.get(name)]
    return " ".join([*named, *spots])
