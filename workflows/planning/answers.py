"""From tool results to a sentence or two for a person.

The sentences are data in prompts/vocabulary; every number in them comes from a tool result or from the table of
handles. This module does not know how the calls were planned, nor how they were run.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prompts.vocabulary_loader import answers_in
from workflows.planning.context import PlanContext
from workflows.planning.edit_answers import edit_reasons, edited, known_edits
from workflows.planning.handles import joined, listed
from workflows.planning.mention import RELATIONS
from workflows.planning.naming import coloured, counted, named
from workflows.planning.reasons import reasons
from workflows.planning.shelf_answers import shelf_sentences

_SILENT_BEFORE_OTHERS = ("segment", "ground", "select")


@dataclass(frozen=True)
class Outcome:
    """One call and what came of it; `data` is the tool's result for programs, `text` its words or its error."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    failed: bool = False


def answer(outcomes: Sequence[Outcome], context: PlanContext, asked: str = "", language: str = "english") -> str:
    """The answer to one request.

    Args:
        outcomes: Every call of the request, in order.
        context: What was known before the first of them.
        asked: The act of the request: "exists" answers yes or no, "compare" says which is more.
        language: The vocabulary to speak with.
    """
    speaker = _Speaker(context, asked, language)
    done = [outcome for outcome in outcomes if not outcome.failed]
    sentences: list[str] = []
    found_nothing = False
    for position, outcome in enumerate(outcomes):
        found_nothing = found_nothing and not _looks(outcome)
        if found_nothing and (outcome.failed or not outcome.arguments.get("handles")):
            continue
        if outcome.failed:
            sentences.append(speaker.refused(outcome))
            break
        found_nothing = found_nothing or (_looks(outcome) and not outcome.data.get("objects"))
        if found_nothing or not _superseded(outcome, outcomes[position + 1 :]):
            sentences += speaker.said(outcome, done)
    return speaker.results["between"].join(dict.fromkeys(sentence for sentence in sentences if sentence))


def _looks(outcome: Outcome) -> bool:
    """Whether the call looked at the picture afresh; what follows it is about what it found."""
    given = outcome.arguments
    return bool(given.get("phrases") or given.get("gestures") or given.get("mode") == "everything")


def _superseded(outcome: Outcome, later: Sequence[Outcome]) -> bool:
    """Whether a later call says all that this one could."""
    done = [each.tool for each in later if not each.failed]
    return (
        bool(done)
        if outcome.tool in _SILENT_BEFORE_OTHERS
        else outcome.tool in ("undo", "redo") and outcome.tool in done
    )


class _Speaker:
    """Fills the templates of one language."""

    def __init__(self, context: PlanContext, asked: str, language: str) -> None:
        self.context, self.asked, self.language = context, asked, language
        self.results = answers_in(language).results
        self.places = answers_in(language).places

    def said(self, outcome: Outcome, done: Sequence[Outcome]) -> list[str]:
        if outcome.data.get("candidates"):
            return [self._say("tied", handles=self._listed(outcome.data["candidates"]))]
        match outcome.tool:
            case "count":
                return self._counted(outcome, done)
            case "count_shelf":
                return [*shelf_sentences(outcome.data, self.language), *self._why_unknown(outcome)]
            case "segment" | "ground" | "select" | "show":
                return self._chosen(outcome)
            case "edit":
                return edited(outcome.arguments, outcome.data, self.language)
            case "undo" | "redo":
                return self._moved(outcome, done)
            case "find_similar":
                return self._similar(outcome, done)
            case "explain":
                told = reasons(known, self.results) if (known := outcome.data.get("provenance")) else []
                edits = edit_reasons(outcome.data.get("edits") or (), outcome.data.get("objects") or (), self.language)
                return [*told, *edits]
            case "recall":
                return self._known(outcome)
            case "forget":
                gone = [name for name in outcome.data.get("forgotten", ()) if name.startswith("m")]
                whole = not outcome.arguments.get("handles")
                return [self.results["forgotten_all"] if whole else self._say("forgotten", handles=self._listed(gone))]
            case _:
                return [outcome.text.strip() or self.results["done"]]

    def refused(self, outcome: Outcome) -> str:
        """Why a call failed. Undo and redo take no arguments, so they fail for one reason only."""
        if outcome.tool in ("undo", "redo"):
            return self.results[f"nothing_to_{outcome.tool}"]
        return outcome.text.strip()

    # --- counts ------------------------------------------------------------------------------------------

    def _counted(self, outcome: Outcome, done: Sequence[Outcome]) -> list[str]:
        counts: Mapping[str, Mapping[str, Any]] = outcome.data.get("counts") or {}
        found = {phrase: int(count["n"]) for phrase, count in counts.items() if count["n"]}
        afresh = bool(outcome.arguments.get("phrases"))
        handles = self._handles(outcome) if outcome.arguments.get("where") else ""
        if not counts:
            return [self.results["nothing_like_that"]]
        whole = self._whole(outcome, done)
        if whole is not None:
            sentences = [self._part(outcome, sum(found.values()), whole)]
        else:
            place = self._place(outcome, sum(found.values())) + self._left_out(outcome, done, sum(found.values()))
            looked_for = [phrase for phrase in counts if phrase not in self._unknown(outcome)]
            sentences = self._sums(found, looked_for if afresh or not found else [], place, handles)
            sentences += self._why_unknown(outcome)
        return sentences + [line for phrase in counts for line in self._doubts(phrase, counts)] + self._compared(counts)

    def _sums(self, found: Mapping[str, int], looked_for: Sequence[str], place: str, handles: str) -> list[str]:
        missing = [self._many(phrase) for phrase in looked_for if phrase not in found]
        sentences = []
        if found:
            key = "yes" if self.asked == "exists" else "count"
            be = self._be(next(iter(found.values())))
            sentences.append(self._say(key, be=be, what=self._what(found), place=place, handles=handles))
        if missing:
            key = "no" if self.asked == "exists" and not found else "count_none"
            sentences.append(self._say(key, what=self._joined(missing, "or"), place=place))
        if len(found) > 1 and not looked_for:
            sentences.append(self._say("in_all", n=sum(found.values())))
        return sentences

    def _whole(self, outcome: Outcome, done: Sequence[Outcome]) -> int | None:
        """How many things a count with a place chose from, where the table of handles says so."""
        alone = all(each.tool == "count" for each in done)
        narrowed = set(outcome.arguments) == {"where"} and not set(outcome.arguments["where"]) - set(_SPOKEN)
        return len(self.context.selection) if alone and narrowed and self.context.selection else None

    def _part(self, outcome: Outcome, n: int, whole: int) -> str:
        chosen = set(self.context.selection)
        wanted = outcome.arguments["where"].get("label")
        labels = {known.label for known in self.context.objects if known.handle in chosen}
        if wanted is not None:
            whole = sum(known.label == wanted for known in self.context.objects if known.handle in chosen)
            labels = {str(wanted)}
        things = counted(whole, labels.pop(), self.language) if len(labels) == 1 else str(whole)
        where = {key: value for key, value in outcome.arguments["where"].items() if key != "label"}
        place = self._where(where, n, after_be=True)
        if n == 0:
            return self._say("count_part_none", whole=things, place=place)
        return self._say("count_part", n=n, whole=things, be=self._be(n), place=place, handles=self._handles(outcome))

    def _doubts(self, phrase: str, counts: Mapping[str, Mapping[str, Any]]) -> list[str]:
        count = counts[phrase]
        sentences = []
        low, high = count.get("low", count["n"]), count.get("high", count["n"])
        if low != high:
            of = self.results["of_phrase"].format(what=self._many(phrase)) if len(counts) > 1 else ""
            sentences.append(self._say("range", low=low, high=high, of=of))
        if count.get("borderline"):
            doubtful = count["borderline"]
            sentences.append(self._say("doubtful", handles=self._listed(doubtful), be=self._be(len(doubtful))))
        if count.get("saturated"):
            sentences.append(self.results["saturated"])
        return sentences

    def _compared(self, counts: Mapping[str, Mapping[str, Any]]) -> list[str]:
        if self.asked != "compare" or len(counts) != 2 or any("unknown" in count for count in counts.values()):
            return []
        (most, m), (least, n) = sorted(counts.items(), key=lambda item: -int(item[1]["n"]))
        key = "more" if m["n"] > n["n"] else "as_many"
        return [self._say(key, most=self._many(most), least=self._many(least))]

    # --- words that the detector does not know -----------------------------------------------------------

    @staticmethod
    def _unknown(outcome: Outcome) -> Sequence[str]:
        """The phrases that were never asked of the detector."""
        return list((outcome.data.get("unknown") or {}).get("phrases", ()))

    def _why_unknown(self, outcome: Outcome) -> list[str]:
        if not (phrases := self._unknown(outcome)):
            return []
        said = [self._many(phrase) for phrase in phrases]
        return [self._say("count_unknown", what=self._joined(said, "or"), why=outcome.data["unknown"]["why"])]

    # --- objects -----------------------------------------------------------------------------------------

    def _chosen(self, outcome: Outcome) -> list[str]:
        found = self._tally(outcome)
        unknown = self._unknown(outcome)
        missing = [p for p in outcome.arguments.get("phrases") or () if p not in found and p not in unknown]
        sentences = []
        if found:
            key = {"segment": "segmented", "ground": "grounded", "select": "selected", "show": "shown"}[outcome.tool]
            be = self._be(sum(found.values()))
            sentences.append(self._say(key, what=self._what(found), be=be, handles=self._handles(outcome)))
        if missing:
            said = [self._many(phrase) for phrase in missing]
            sentences.append(self._say("count_none", what=self._joined(said, "or"), place=self._place(outcome, 0)))
        elif not found and not unknown:
            empty = {"select": "selected_none", "show": "shown_picture"}.get(outcome.tool, "nothing_like_that")
            sentences.append(self.results[empty])
            if outcome.tool == "select":
                sentences.append(_capital(outcome.text.partition(". ")[2]))
        return sentences + self._why_unknown(outcome)

    def _moved(self, outcome: Outcome, done: Sequence[Outcome]) -> list[str]:
        number = sum(each.tool == outcome.tool for each in done)
        steps = self.results["step" if number == 1 else "steps"].format(n=number)
        sentences = [self._say("undone" if outcome.tool == "undo" else "redone", steps=steps)]
        found = self._tally(outcome)
        if found:
            be = self._be(sum(found.values()))
            sentences.append(self._say("selected", what=self._what(found), be=be, handles=self._handles(outcome)))
        else:
            sentences.append(self.results["selected_none"])
        return sentences

    def _known(self, outcome: Outcome) -> list[str]:
        known = outcome.data.get("known")
        if known is None:
            return [outcome.text.strip()]
        tally: dict[str, int] = {}
        for entry in known:
            tally[entry["label"]] = tally.get(entry["label"], 0) + len(entry["handles"])
        handles = self.results["colon"] + self._listed(handle for entry in known for handle in entry["handles"])
        if outcome.arguments:
            return [self._known_part(outcome.arguments, tally, handles)]
        edits = known_edits(outcome.data.get("edits") or (), self.language)
        if not tally:
            return [self.results["known_nothing"], *edits]
        selection = outcome.data.get("selection") or ()
        chosen = (
            self._say("known_selected", handles=self._listed(selection)) if selection else self.results["selected_none"]
        )
        return [self._say("known", what=self._what(tally), handles=handles), chosen, *edits]

    def _known_part(self, asked: Mapping[str, Any], tally: Mapping[str, int], handles: str) -> str:
        """What is known of a label, a turn, a picture."""
        place = self._on(asked)
        place += self.results["of_turn"].format(turn=asked["turn"]) if asked.get("turn") is not None else ""
        if tally:
            return self._say("known_part", what=self._what(tally), place=place, handles=handles)
        what = self._many(asked.get("label") or self.results["thing"])
        return self._say("known_part_none", what=what, place=place)

    def _similar(self, outcome: Outcome, done: Sequence[Outcome]) -> list[str]:
        counts: Mapping[str, Mapping[str, Any]] = outcome.data.get("counts") or {}
        examples, own = self._examples(outcome, done), {thing["handle"] for thing in outcome.data.get("objects") or ()}
        values = {"examples": self._listed(examples), "place": self._on(outcome.arguments)}
        if own - set(examples):
            what, be = self._what({phrase: count["n"] for phrase, count in counts.items()}), self._be(len(own))
            said = self._say("like", what=what, be=be, handles=self._handles(outcome), **values)
        else:
            what = self._joined([self._many(phrase) for phrase in counts], "and")
            said = self._say("like_no_other" if own else "like_none", what=what, **values)
        return [said] + [line for phrase in counts for line in self._doubts(phrase, counts)]

    def _examples(self, outcome: Outcome, done: Sequence[Outcome]) -> Sequence[str]:
        """What was found to be like: the handles named, else what was selected before that call."""
        if named := outcome.arguments.get("handles"):
            return [named] if isinstance(named, str) else list(named)
        before = itertools.takewhile(lambda each: each is not outcome, done)
        chosen = [each.data["objects"] for each in before if each.data.get("objects")]
        return [thing["handle"] for thing in chosen[-1]] if chosen else self.context.selection

    def _on(self, asked: Mapping[str, Any]) -> str:
        return self.results["of_picture"].format(picture=asked["picture"]) if asked.get("picture") else ""

    def _tally(self, outcome: Outcome) -> dict[str, int]:
        tally: dict[str, int] = {}
        for thing in outcome.data.get("objects") or ():
            label = thing.get("label") or self.results["thing"]
            tally[label] = tally.get(label, 0) + 1
        return tally

    def _handles(self, outcome: Outcome) -> str:
        handles = [thing["handle"] for thing in outcome.data.get("objects") or ()]
        return self.results["colon"] + self._listed(handles) if handles else ""

    # --- places ------------------------------------------------------------------------------------------

    def _place(self, outcome: Outcome, n: int) -> str:
        words = self._where(outcome.arguments.get("where") or {}, n)
        return self.results["at"].format(place=words) if words else ""

    def _where(self, where: Mapping[str, Any], n: int, *, after_be: bool = False) -> str:
        """A `where` in words; what has no words is left out."""
        words = []
        if "side" in where:
            words.append(self.places[where["side"]])
        if "row" in where:
            row = int(where["row"])
            key = f"row_{row}" if f"row_{row}" in self.places else "row" if row > 0 else "row_from_bottom"
            words.append(self.places[key].format(row=abs(row)))
        if "column" in where:
            column = int(where["column"])
            key = f"column_{column}"
            key = key if key in self.places else "column" if column > 0 else "column_from_right"
            words.append(self.places[key].format(column=abs(column)))
        words += [self.places[key].format(name=where[key]) for key in RELATIONS if key in where]
        if "colour" in where:
            said = "{colour}" if after_be else self.places["that_is"]
            words.append(said.format(colour=coloured(where["colour"], self.language), be=self._be(n)))
        return " ".join(words)

    def _left_out(self, outcome: Outcome, done: Sequence[Outcome], n: int) -> str:
        """What was taken away before a count of the selection."""
        if set(outcome.arguments) & {"phrases", "handles"}:
            return ""
        gone = [
            each.arguments.get("where", {})
            for each in done
            if each.tool == "select" and each.arguments.get("combine") == "subtract"
        ]
        said = ""
        for where in gone:
            if "colour" in where:
                said += " " + self.places["that_is_not"].format(
                    be=self._be(n), colour=coloured(where["colour"], self.language)
                )
            elif "label" in where:
                said += self._say("left_out", what=self._many(where["label"]))
        return said

    # --- words -------------------------------------------------------------------------------------------

    def _what(self, tally: Mapping[str, int]) -> str:
        return self._joined([counted(n, phrase, self.language) for phrase, n in tally.items()], "and")

    def _many(self, phrase: str) -> str:
        return named(phrase, self.language, many=True)

    def _listed(self, handles: Iterable[str]) -> str:
        return listed(handles, self.results)

    def _joined(self, parts: Sequence[str], last: str) -> str:
        return joined(parts, self.results[last], self.results["comma"])

    def _be(self, number: int) -> str:
        return self.results["be_one" if number == 1 else "be_many"]

    def _say(self, key: str, **values: object) -> str:
        return _capital(self.results[key].format(**values))


_SPOKEN = ("side", "row", "column", *RELATIONS, "colour", "label")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
