"""What was done to a picture, in sentences for a person.

The sentences are data in prompts/vocabulary; numbers and handles come from the tool's result. This module does not know
how an edit looks, nor how a sentence is understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prompts.vocabulary_loader import answers_in
from workflows.planning.handles import joined, listed
from workflows.planning.naming import coloured, counted

Record = Mapping[str, Any]
"""An edit as the tool gives it to programs."""


def edited(arguments: Mapping[str, Any], data: Mapping[str, Any], language: str) -> list[str]:
    """What a call of the edit tool came to.

    Args:
        arguments: of the call.
        data: its result for programs.
        language: to speak.
    """
    speaker = _Speaker(data.get("objects") or (), language)
    made, dropped, stack = (data.get(name) or () for name in ("edits", "dropped", "stack"))
    if dropped:
        said = [speaker.named("edits_dropped", dropped)]
        return said if stack else [*said, speaker.words["edits_none"]]
    if not made:
        return [speaker.named("edits_order", stack)]
    if arguments.get("edit"):
        return [speaker.told("edit_changed", made[0], arguments)]
    together = {**made[0], "handles": [handle for one in made for handle in one["handles"]]}
    return [speaker.told(f"edited_{together['action']}", together, arguments)]


def known_edits(edits: Sequence[Record], language: str) -> list[str]:
    """Which edits are in force."""
    return [_Speaker((), language).named("edits_known", edits)] if edits else []


def edit_reasons(edits: Sequence[Record], objects: Sequence[Record], language: str) -> list[str]:
    """Where edits come from, as `explain` tells it."""
    speaker = _Speaker(objects, language)
    return [speaker.reason(one) for one in edits]


class _Speaker:
    """Fills the templates of one language."""

    def __init__(self, objects: Sequence[Record], language: str) -> None:
        self.labels = {thing["handle"]: thing["label"] for thing in objects}
        self.language, self.words = language, answers_in(language).results

    def named(self, key: str, edits: Iterable[Record]) -> str:
        effects = [f"{self._effect(one)} ({one['handle']})" for one in edits]
        return _capital(self.words[key].format(effects=joined(effects, self.words["and"], self.words["comma"])))

    def told(self, key: str, one: Record, arguments: Mapping[str, Any]) -> str:
        asked = {name: value for name, value in one["parameters"].items() if name in arguments}
        asked |= {"colour": arguments["colour"]} if "colour" in asked else {}
        asked |= {"background": arguments["background"]} if "background" in asked else {}
        return self._say(key, one, effect=self._effect(one), how=self._how(asked))

    def reason(self, one: Record) -> str:
        when = self.words["reason_request" if one["request"] else "reason_turn"]
        when = when.format(turn=one["turn"], request=one["request"])
        effect = f"{self._effect(one)} ({one['handle']})"
        return self._say("reason_edit", one, effect=effect, how=self._how(one["parameters"]), when=when)

    def _say(self, key: str, one: Record, **values: str) -> str:
        handles = one["handles"]
        tally: dict[str, int] = {}
        for handle in handles:
            label = self.labels.get(handle) or self.words["thing"]
            tally[label] = tally.get(label, 0) + 1
        parts = [counted(number, label, self.language) for label, number in tally.items()]
        what = joined(parts, self.words["and"], self.words["comma"]) if parts else self.words["edited_whole"]
        if parts and one["invert"]:
            what = self.words["edited_rest"].format(what=what)
        named = self.words["colon"] + listed(handles, self.words) if handles else ""
        return _capital(self.words[key].format(what=what, handles=named, **values))

    def _effect(self, one: Record) -> str:
        return self.words[f"effect_{one['action']}"]

    def _how(self, parameters: Mapping[str, Any]) -> str:
        """What is said of how it was done, in brackets; nothing where nothing is."""
        said = [self._painted(str(parameters[name])) for name in ("colour", "background") if name in parameters]
        if "strength" in parameters:
            said.append(self.words["how_strength"].format(n=f"{100 * parameters['strength']:.0f}"))
        if "feather" in parameters:
            said.append(self.words["how_feather"].format(n=f"{parameters['feather']:g}"))
        for name, ways in (("dx", ("left", "right")), ("dy", ("up", "down"))):
            if far := parameters.get(name):
                way = self.words[f"how_{ways[far > 0]}"]
                said.append(self.words["how_by"].format(n=f"{abs(far):g}", direction=way))
        return self.words["how"].format(details=self.words["comma"].join(said)) if said else ""

    def _painted(self, said: str) -> str:
        return self.words["effect_blur"] if said == "blur" else coloured(said, self.language)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
