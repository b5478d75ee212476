"""Orders that choose among what is known: keep, add, take out, the others, all of it again.

What was never found is looked for instead. This module does not know sentence shapes.
"""

from __future__ import annotations

from dataclasses import replace

from workflows.planning.knowing import Known, known_of, selecting
from workflows.planning.looking import described_afresh, everything, look, take_out
from workflows.planning.mention import Mention, Names
from workflows.planning.orders import Calls, Order, call
from workflows.planning.places import CannotPlanError
from workflows.planning.pointing import about_click, add_clicked, mask_clicked
from workflows.planning.situation import Situation


def narrow(order: Order, state: Situation) -> Calls:
    """Keep only what is named; look afresh for what was never found."""
    names = order.names
    if not names.mentions and not names.excluded:
        return []
    base = names.first
    if about_click(order, state) and not names.excluded:
        return mask_clicked(base, state)
    all_of_it = base.everything and not base.place and base.colour is None and len(names.mentions) == 1
    if all_of_it and not state.objects and state.selection is not None:
        return everything(names, state)
    if all_of_it and not names.excluded:
        return [call("select", handles=list(state.handles))]
    calls = [] if all_of_it else _keep(names, state)
    if calls and calls[0].arguments.get("phrases"):
        return look("segment", names, state) if names.excluded else calls
    return calls + take_out(names.excluded, state.after(calls))


def _keep(names: Names, state: Situation) -> Calls:
    if all(mention.handles and not mention.place for mention in names.mentions):
        handles = [handle for mention in names.mentions for handle in mention.handles]
        return [call("select", handles=state.existing(handles))]
    if any(mention.attribute for mention in names.mentions):
        return described_afresh(names, state)
    known = [known_of(mention, state, keep_label=not names.excluded) for mention in names.mentions]
    if None in known:
        if any(found is not None for found in known):
            raise CannotPlanError("one_at_a_time")
        return look("segment", Names(names.mentions), state)
    calls: Calls = []
    for found in known:
        if found is None:
            continue
        if not calls:
            calls += selecting(found, state)
        else:
            pool = found.handles if found.handles is not None else state.whole_selection()
            calls += selecting(Known(pool, found.places), state, "add")
    return calls


def subtract(order: Order, state: Situation) -> Calls:
    """Take things out of the selection."""
    names = order.names
    if names.excluded:
        if not all(mention.nameless and not mention.place for mention in names.mentions):
            raise CannotPlanError("one_at_a_time")
        # "remove all but the biggest" is "keep the biggest".
        return narrow(replace(order, names=Names(names.excluded)), state)
    return take_out(names.mentions, state)


def add(order: Order, state: Situation) -> Calls:
    """Put things into the selection beside what is there."""
    mentions = order.names.mentions
    if all(mention.handles and not mention.place for mention in mentions) and len(mentions) > 1:
        mentions = (replace(mentions[0], handles=tuple(handle for each in mentions for handle in each.handles)),)
    calls: Calls = []
    for mention in mentions:
        calls += _add_one(mention, state.after(calls))
    return calls


def _add_one(mention: Mention, state: Situation) -> Calls:
    if state.selection is None and mention.nameless and not mention.place:
        # What this same request has just found, beside what was selected before it.
        return [call("select", handles=list(state.context.selection), combine="add")]
    if (mention.pointing or (mention.nameless and not mention.place)) and state.context.click is not None:
        return add_clicked(mention, state)
    if mention.attribute:
        before = state.whole_selection()
        return [*described_afresh(Names((mention,)), state), call("select", handles=before, combine="add")]
    outside = replace(state, selection=state.unselected, labels=_labels_of(state, state.unselected))
    if mention.others and state.unselected:
        return [call("select", handles=list(state.unselected), combine="add")]
    if mention.nameless and not state.unselected:
        raise CannotPlanError("no_others" if state.objects else "nothing_found_yet")
    found = known_of(mention, outside if mention.nameless else state, keep_label=False)
    if found is None:
        fresh = look("segment", Names((mention,)), state)
        before = state.whole_selection()
        return fresh + ([call("select", handles=before, combine="add")] if before else [])
    if not mention.nameless and mention.phrase is not None:
        found = known_of(mention, outside, keep_label=False) or found
    handles = found.handles if found.handles is not None else list(state.unselected)
    if not found.places.steps and not found.places.choices and not set(handles) - set(state.whole_selection()):
        raise CannotPlanError("already_selected", handles=", ".join(handles))
    return selecting(Known(handles, found.places), state, "add")


def _labels_of(state: Situation, handles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(known.label for known in state.objects if known.handle in handles))


def others(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """What is known and not selected."""
    if not state.unselected:
        raise CannotPlanError("no_others" if state.objects else "nothing_found_yet")
    return [call("select", handles=list(state.unselected))]


def all_known(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Everything that is known; on a picture not yet asked about, everything in it."""
    return [call("select", handles=list(state.handles))] if state.objects else [call("segment", mode="everything")]


def again(order: Order, state: Situation) -> Calls:
    """All of a kind that are known, selected or not: "all the oranges again"."""
    labels = [label for mention in order.names.mentions for label in state.matching_labels(mention)[0]]
    plain = all(not mention.place for mention in order.names.mentions)
    if labels and plain:
        return [call("select", handles=list(state.of_labels(labels)))]
    return narrow(order, state)


def before(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """What was selected before the selection last changed: "the same ones as before"."""
    if not state.context.before:
        raise CannotPlanError("nothing_before" if state.objects else "nothing_found_yet")
    return [call("select", handles=list(state.context.before))]


def clear_selection(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Select nothing."""
    if not state.anything_selected:
        raise CannotPlanError("nothing_selected" if state.objects else "nothing_found_yet")
    return [call("select", handles=state.whole_selection(), combine="subtract")]
