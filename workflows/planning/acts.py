"""Every act a sentence shape can name, as a function from an understood clause to tool calls; the table is at the end.

A verb of looking with a noun ("count the oranges") looks afresh; "only", "not", "add", "keep", "select" and pronouns
talk about what is known, and look afresh only for what was never found. This module does not know sentence shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from prompts.vocabulary_loader import vocabulary
from workflows.planning.asking import describe, explain, recall
from workflows.planning.compared import compared
from workflows.planning.edits import (
    background,
    edit,
    edit_all,
    edit_rest,
    move,
    moved,
    outline,
    paste,
    recolour,
    recolour_both,
    recolour_edit,
    take_away,
)
from workflows.planning.keeping import add, again, all_known, before, clear_selection, narrow, others, subtract
from workflows.planning.knowing import known_of, selecting
from workflows.planning.looking import described_afresh, everything, look, picks_one
from workflows.planning.mention import WHEN, Mention, Names
from workflows.planning.orders import Calls, Order, call
from workflows.planning.places import CannotPlanError, Where, places_of
from workflows.planning.pointing import (
    about_click,
    add_clicked,
    click_alone,
    here_of,
    is_a,
    mask_clicked,
    name_this,
    refine_in,
    refine_out,
    switch_mask,
)
from workflows.planning.similar import similar
from workflows.planning.situation import Situation
from workflows.planning.stack import (
    drop_all_edits,
    drop_edit,
    edge,
    explain_edit,
    keep_edit,
    other_action,
    place_edit,
    stronger,
)

_MANY_STEPS = 50


def count(order: Order, state: Situation) -> Calls:
    """Count named things afresh, or what is known."""
    names = order.names
    mentions = names.mentions
    if about_click(order, state) and state.hit() not in state.whole_selection():
        return add_clicked(names.first, state)
    whole = all(mention.everything or mention.generic for mention in mentions) and bool(mentions)
    if whole and not (state.anything_selected and state.labels):
        calls = everything(names, state)
        return [*calls, call("count")]
    about_known = names.remaining or any(mention.known for mention in mentions)
    named = [mention for mention in mentions if mention.phrase is not None]
    earlier = any(WHEN & mention.place.keys() for mention in mentions)
    if named and not earlier and not (about_known and all(state.matching_labels(mention)[0] for mention in named)):
        if len(named) < len(mentions):
            raise CannotPlanError("one_at_a_time")
        return look("count", names, state)
    return _count_known(names, state)


def _count_known(names: Names, state: Situation) -> Calls:
    if names.excluded:
        calls = narrow(Order("narrow", names), state)
        return [*calls, call("count")]
    if any(mention.attribute for mention in names.mentions):
        phrases = described_afresh(names, state)[0].arguments["phrases"]
        return [call("count", phrases=phrases)]
    handles = [handle for mention in names.mentions for handle in mention.handles]
    if handles:
        return [call("count", handles=state.existing(handles), where=_where_of(names.first, state))]
    calls = []
    for mention in names.mentions:
        found = known_of(replace(mention, plural=True), state, keep_label=False)
        if found is None:
            raise CannotPlanError("not_understood")
        steps = found.places.steps
        if len(steps) > 1:
            calls += [*selecting(found, state), call("count")]
        else:
            chosen = None if mention.everything and state.selection is not None else found.handles
            calls.append(call("count", handles=chosen, where=found.places.single))
    return calls


def _where_of(mention: Mention, state: Situation) -> Where:
    return places_of(replace(mention, plural=True), here_of(state), colour=mention.colour).single


def ask_about(order: Order, state: Situation) -> Calls:
    """Count what a question like "what about the lemons?" or "and on the left?" is about."""
    if any(mention.pointing for mention in order.names.mentions):
        return narrow(order, state)
    picked = all(picks_one(mention) and mention.nameless for mention in order.names.mentions)
    return narrow(order, state) if picked else count(order, state)


def bare(order: Order, state: Situation) -> Calls:
    """Things named without a verb: a question counts them, a statement keeps or finds them."""
    if order.asked:
        return ask_about(order, state)
    return narrow(order, state)


def more(order: Order, state: Situation) -> Calls:
    """Count or add: "and the lemons?" counts them, "and the lemons" adds them."""
    pointing = any(mention.pointing for mention in order.names.mentions)
    return ask_about(order, state) if order.asked and not pointing else add(order, state)


def show(order: Order, state: Situation) -> Calls:
    """Draw what is named; look for what was never found."""
    if not order.names.mentions:
        return [call("show")]
    mention = order.names.first
    if len(order.names.mentions) == 1 and mention.everything and not mention.place and state.objects:
        return [call("show", handles=list(state.handles))]
    if any(each.phrase is not None and known_of(each, state) is None for each in order.names.mentions):
        return look("segment", order.names, state)
    if (
        mention.nameless
        and not mention.place
        and mention.colour is None
        and not mention.pointing
        and not mention.others
    ):
        known_of(mention, state)
        return [call("show")] if not mention.attribute else described_afresh(order.names, state)
    found = [known_of(each, state, keep_label=False) for each in order.names.mentions]
    plain = [each for each in found if each is not None and not each.places.steps and not each.places.choices]
    if len(plain) == len(found):
        handles = [handle for each in plain for handle in (each.handles or state.selection or ())]
        return [call("show", handles=None if set(handles) == set(state.selection or ()) else handles)]
    return [*narrow(order, state), call("show")]


def segment(order: Order, state: Situation) -> Calls:
    """Masks: of named things afresh, of what was clicked, of the selection."""
    return _find("segment", order, state)


def ground(order: Order, state: Situation) -> Calls:
    """Boxes of named things; where known things are, a drawing shows."""
    return _find("ground", order, state)


def _find(tool: str, order: Order, state: Situation) -> Calls:
    names = order.names
    mention = names.first
    if about_click(order, state):
        return mask_clicked(order.names.first, state)
    if all(each.phrase is not None for each in names.mentions):
        return look(tool, names, state)
    if (mention.everything or mention.generic) and not state.objects:
        return everything(names, state)
    if mention.place or mention.colour or mention.attribute or names.excluded or mention.everything or mention.others:
        return narrow(order, state)
    if any(each.phrase is not None for each in names.mentions):
        raise CannotPlanError("one_at_a_time")
    handles = [handle for each in names.mentions for handle in each.handles]
    if not handles and not state.anything_selected:
        raise CannotPlanError("nothing_found_yet" if not state.objects else "nothing_selected")
    return [call("show" if tool == "ground" else "segment", handles=state.existing(handles))]


def check_shelf(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Count a shelf, against the product list that there is."""
    return [call("count_shelf", picture=order.picture)]


def undo(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """As many steps back as were named."""
    return [call("undo")] * min(int(order.values.get("number", 1)), _MANY_STEPS)


def undo_all(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Every step back."""
    return [call("undo")] * min(max(1, state.context.undo), _MANY_STEPS)


def redo(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """As many steps forward as were named."""
    return [call("redo")] * min(int(order.values.get("number", 1)), _MANY_STEPS)


def look_again(order: Order, state: Situation) -> Calls:
    """Look afresh for what is selected; for what has no name, in another picture, by its looks."""
    if order.picture is not None and set(state.labels) & set(vocabulary().words.lists["generic"]):
        return similar(order, state)
    if not state.labels:
        raise CannotPlanError("nothing_selected" if state.objects else "nothing_found_yet")
    return [call("count", phrases=list(state.labels))]


def forget_all(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Erase the conversation."""
    return [call("forget")]


def forget(order: Order, state: Situation) -> Calls:
    """Erase what is named."""
    handles: list[str] = []
    for mention in order.names.mentions:
        if mention.everything and not mention.pronoun:
            return [call("forget")]
        if mention.phrase is not None:
            labels, colour = state.matching_labels(mention)
            if not labels:
                raise CannotPlanError("not_among_found", thing=mention.phrase)
            if colour or mention.place:
                raise CannotPlanError("forget_by_handle")
            handles += state.of_labels(labels)
            continue
        found = known_of(mention, state)
        if found is None or found.places.steps or found.places.choices:
            raise CannotPlanError("forget_by_handle")
        handles += found.handles if found.handles is not None else state.whole_selection()
    return [call("forget", handles=state.existing(handles))]


def these(otherwise: Callable[[Order, Situation], Calls]) -> Callable[[Order, Situation], Calls]:
    """An act for all things that a click shows one of, "how many of these are there?"; without one, of known things."""

    def act(order: Order, state: Situation) -> Calls:
        nearby = "here" in order.names.first.place.values()
        return similar(order, state) if state.context.click is not None and not nearby else otherwise(order, state)

    return act


def reply_with(key: str) -> Callable[[Order, Situation], Calls]:
    """An act that only replies."""

    def act(order: Order, state: Situation) -> Calls:  # noqa: ARG001
        raise CannotPlanError(key, verb=order.words.split(" ")[0] if order.words else "")

    return act


ACTS: dict[str, Callable[[Order, Situation], Calls]] = {
    "count": count,
    "exists": count,
    "compare": count,
    "check_shelf": check_shelf,
    "ground": ground,
    "segment": segment,
    "choose": narrow,
    "bare": bare,
    "narrow": narrow,
    "subtract": subtract,
    "add": add,
    "more": more,
    "again": again,
    "before": before,
    "others": others,
    "everything": all_known,
    "clear_selection": clear_selection,
    "ask_about": ask_about,
    "show": show,
    "recall": recall,
    "look_again": look_again,
    "open": reply_with("open"),
    "undo": undo,
    "undo_all": undo_all,
    "redo": redo,
    "forget": forget,
    "forget_all": forget_all,
    "click_alone": click_alone,
    "refine_in": refine_in,
    "refine_out": refine_out,
    "switch_mask": switch_mask,
    "name_this": name_this,
    "is_a": is_a,
    "describe": describe,
    "help": reply_with("help"),
    "edit": edit,
    "edit_rest": edit_rest,
    "edit_all": edit_all,
    "edit_later": reply_with("edit_later"),
    "take_away": take_away,
    "recolour": recolour,
    "recolour_both": recolour_both,
    "recolour_edit": recolour_edit,
    "other_action": other_action,
    "one_at_a_time": reply_with("one_at_a_time"),
    "compared": compared,
    "outline": outline,
    "background": background,
    "background_which": reply_with("background_which"),
    "paste": paste,
    "move": move,
    "moved": moved,
    "stronger": stronger,
    "weaker": stronger,
    "edge": edge,
    "drop_edit": drop_edit,
    "drop_all_edits": drop_all_edits,
    "keep_edit": keep_edit,
    "place_edit": place_edit,
    "explain_edit": explain_edit,
    "none_of_its_business": reply_with("out_of_scope"),
    "similar": similar,
    "count_these": these(count),
    "find_these": these(ground),
    "segment_these": these(segment),
    "select_these": these(all_known),
    "subtract_similar": reply_with("remove_similar"),
    "explain": explain,
    "forget_unsure": reply_with("forget_unsure"),
}
