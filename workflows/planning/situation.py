"""What is known while a request is planned: the context, and what the calls planned so far will have changed.

This module does not know words beyond the labels of known objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from prompts.noun_forms import plural_phrase
from prompts.spelling import one_slip
from prompts.vocabulary_loader import vocabulary
from workflows.planning.context import KnownObject, PlanContext, PlannedCall
from workflows.planning.handles import listed
from workflows.planning.mention import Mention
from workflows.planning.places import CannotPlanError


@dataclass(frozen=True)
class Situation:
    """The state a clause is planned in.

    `selection` is None where an earlier clause of the same request changes it in a way only the tools can tell;
    `labels` are then the labels that it can hold.
    """

    context: PlanContext
    objects: tuple[KnownObject, ...]
    selection: tuple[str, ...] | None
    labels: tuple[str, ...]

    @classmethod
    def before(cls, context: PlanContext) -> Situation:
        """The situation a request begins in."""
        chosen = set(context.selection)
        labels = (known.label for known in context.objects if known.handle in chosen)
        return cls(context, context.objects, context.selection, tuple(dict.fromkeys(labels)))

    @property
    def picture(self) -> str:
        """Handle of the picture in hand."""
        return self.context.picture.handle if self.context.picture is not None else "p1"

    @property
    def handles(self) -> tuple[str, ...]:
        """Every known handle."""
        return tuple(known.handle for known in self.objects)

    @property
    def unselected(self) -> tuple[str, ...]:
        """Known handles outside the selection."""
        return tuple(handle for handle in self.handles if handle not in (self.selection or ()))

    @property
    def anything_selected(self) -> bool:
        """Whether there is a current selection to talk about."""
        return self.selection is None or bool(self.selection)

    def of_labels(self, labels: Iterable[str]) -> tuple[str, ...]:
        """The known handles with one of `labels`."""
        wanted = set(labels)
        return tuple(known.handle for known in self.objects if known.label in wanted)

    def matching_labels(self, mention: Mention) -> tuple[tuple[str, ...], str | None]:
        """The known labels that a mention names, and the colour to filter them by, if it names one they do not.

        "red apple" is the label "red apple", or else the red ones of the label "apple"; "apples" are all of the labels
        "red apple" and "green apple".
        """
        labels = tuple(dict.fromkeys([*self.labels, *(known.label for known in self.objects)]))
        if mention.phrase is None or mention.plain is None:
            return (), None
        if mention.phrase in labels:
            return (mention.phrase,), None
        named = tuple(label for label in labels if label == mention.plain or label.endswith(f" {mention.plain}"))
        if not named and " " not in mention.plain:
            named = tuple(label for label in labels if one_slip(mention.plain, label) and len(label) > 4)
        return (named, mention.colour) if mention.colour is None or mention.plain in named else ((), None)

    def with_handles(self, words: str, language: str = "english") -> str:
        """`words` with the handle in place of each known thing that others are said to be in, by or beside.

        Raises:
            CannotPlanError: several known things have that name.
        """
        lists = vocabulary(language).words.lists
        relations = "|".join(sorted(map(re.escape, lists["relations"]), key=len, reverse=True))
        articles = "|".join(map(re.escape, lists["the"]))
        for label in sorted({known.label for known in self.objects}, key=len, reverse=True):
            names = "|".join(map(re.escape, (plural_phrase(label, language), label)))
            said = re.compile(rf"\b({relations}) (?:{articles}) (?:{names})(?= |$)")
            if said.search(words) is None:
                continue
            handles = self.of_labels([label])
            if len(handles) > 1:
                raise CannotPlanError("which_one", thing=label, handles=listed(handles))
            words = said.sub(rf"\1 {handles[0]}", words)
        return words

    def existing(self, handles: Sequence[str]) -> list[str]:
        """`handles`, each once.

        Raises:
            CannotPlanError: one of them does not exist.
        """
        missing = [handle for handle in dict.fromkeys(handles) if handle not in self.handles]
        if missing:
            raise CannotPlanError("unknown_handle", missing=", ".join(missing))
        return list(dict.fromkeys(handles))

    def anywhere(self, handles: Sequence[str]) -> list[str]:
        """`handles`, each once, of things in any open picture.

        Raises:
            CannotPlanError: one of them does not exist.
        """
        away = {handle for known in self.context.elsewhere.values() for handle in known}
        self.existing([handle for handle in handles if handle not in away])
        return list(dict.fromkeys(handles))

    def whole_selection(self) -> list[str]:
        """The handles of the selection, needed to add to it.

        Raises:
            CannotPlanError: an earlier clause of this request changes it, so that they are not known yet.
        """
        if self.selection is None:
            raise CannotPlanError("one_at_a_time")
        return list(self.selection)

    def hit(self, *, selected: bool = True) -> str | None:
        """The object that was clicked: the smallest under the click, but first of all a `selected` one, or not."""
        click = self.context.click
        if click is None:
            return None
        known = {obj.handle: obj for obj in self.objects}
        hits = [known[handle] for handle in click.hits if handle in known]
        chosen = set(self.selection or ())
        hits.sort(key=lambda obj: ((obj.handle in chosen) != selected, obj.area))
        return hits[0].handle if hits else None

    def after(self, calls: Iterable[PlannedCall]) -> Situation:
        """The situation once `calls` will have been made."""
        state = self
        for call in calls:
            state = state._after(call)
        return state

    def _after(self, call: PlannedCall) -> Situation:
        arguments = call.arguments
        phrases = tuple(arguments.get("phrases") or ())
        if phrases or arguments.get("gestures") or arguments.get("mode") == "everything":
            return replace(self, selection=None, labels=phrases)
        if call.tool == "forget" and "handles" not in arguments:
            return replace(self, objects=(), selection=(), labels=())
        if call.tool == "find_similar":
            examples = set(arguments.get("handles") or ())
            labels = tuple(dict.fromkeys(known.label for known in self.objects if known.handle in examples))
            return replace(self, selection=None, labels=labels or self.labels)
        if call.tool == "count_shelf":
            return replace(self, selection=None, labels=())
        if call.tool != "select":
            return replace(self, selection=None) if call.tool in ("undo", "redo", "forget") else self
        return self._after_select(arguments.get("handles"), arguments.get("combine", "replace"), "where" in arguments)

    def _after_select(self, handles: list[str] | None, combine: str, narrowed: bool) -> Situation:
        labels = tuple(dict.fromkeys([*self.labels, *(k.label for k in self.objects if k.handle in (handles or ()))]))
        if handles is None or narrowed or self.selection is None:
            return replace(self, selection=None, labels=labels)
        if combine == "subtract":
            return replace(self, selection=tuple(handle for handle in self.selection if handle not in handles))
        before = self.selection if combine == "add" else ()
        return replace(self, selection=tuple(dict.fromkeys([*before, *handles])), labels=labels)
