"""Orders that change how the picture looks: what is named, everything else, or the whole picture.

What is known is meant; what was never found is looked for first. The same edit of the same things again is made
stronger, or has its colour changed, rather than done twice. This module does not know sentence shapes, nor what an edit
does to pixels.
"""

from __future__ import annotations

from dataclasses import replace

from workflows.planning.context import KnownEdit, PlannedCall
from workflows.planning.elsewhere import picture_of
from workflows.planning.keeping import narrow, subtract
from workflows.planning.knowing import known_of
from workflows.planning.looking import look
from workflows.planning.mention import Mention, Names
from workflows.planning.mentions import read_names
from workflows.planning.orders import Calls, Order
from workflows.planning.places import CannotPlanError
from workflows.planning.pointing import about_click, mask_clicked
from workflows.planning.situation import Situation
from workflows.planning.stack import changed, edited_last, farther, newest, stronger_by

_SAID_BY = ("edit", "edited", "effect", "coloured", "dimmed", "cut", "cleared", "out_of_picture", "duplicated", "away")
"""The slots that say what is done."""
_STRENGTH = {"bit": 0.3, "much": 0.8}
"""How strong a new edit is that is to be done a bit, or a lot."""
_DISTANCE = {"bit": 0.05, "": 0.15, "much": 0.3}
"""How far things are moved without a number, as a share of the picture's side."""
_BESIDE = 1.1
"""How far a copy is put to a side, as a share of the thing's own."""
_OPPOSITE = {"brighten": "darken", "darken": "brighten"}


def edit(order: Order, state: Situation) -> Calls:
    """Change what is named; "the others" are everything else where nothing else is known."""
    mention = order.names.first
    if order.names.excluded and mention.everything and not state.objects:
        return edit_rest(replace(order, names=Names(order.names.excluded)), state)
    if mention.others and mention.nameless and (state.selection is None or not state.unselected):
        return edit_rest(replace(order, names=Names((Mention(pronoun=True, plural=True, known=True),))), state)
    calls, handles = _meant(order, state)
    return _done(order, state, said_action(order), calls, handles)


def edit_rest(order: Order, state: Situation) -> Calls:
    """Change everything but what is named, or but the selection."""
    selection = order.names.first.nameless and not about_click(order, state)
    if selection and not state.anything_selected:
        raise CannotPlanError("edit_around_what")
    calls, handles = _meant(order, state)
    if said_action(order) == "remove":  # nobody wants to see what may be painted there instead of all else
        return _done(order, state, "cut_out", calls, handles)
    return _done(order, state, said_action(order), calls, handles, invert=True)


def edit_all(order: Order, state: Situation) -> Calls:
    """Change the whole picture: everything but nothing."""
    return _done(order, state, said_action(order), [], [], invert=True)


def recolour(order: Order, state: Situation) -> Calls:
    """Another colour for what is named; for "it" after an edit with a colour, for that edit."""
    paint = said_paint(order)
    latest = edited_last(state)
    if latest is not None and _only_pronoun(order, state):
        name = {"recolour": "colour", "outline": "colour", "replace_background": "background"}.get(latest.action)
        if name is not None:
            return [changed(latest, **{name: paint})]
    calls, handles = _meant(order, state)
    return _done(order, state, "recolour", calls, handles, colour=paint)


def recolour_both(order: Order, state: Situation) -> Calls:
    """Two colours in one breath: "make the wall blue and the car red"."""
    second = read_names(str(order.values["things2"]))
    if second is None:
        raise CannotPlanError("not_understood")
    calls = recolour(order, state)
    other = replace(order, names=second, values={"paint": order.values["paint2"]})
    return [*calls, *recolour(other, state.after(calls))]


def recolour_edit(order: Order, state: Situation) -> Calls:
    """Another colour for a line around things."""
    return [changed(newest(state, "outline"), colour=said_paint(order))]


def outline(order: Order, state: Situation) -> Calls:
    """A line around what is named."""
    thick = order.values.get("thick")
    calls, handles = _meant(order, state)
    strength = float(thick) if thick is not None else None
    colour = said_paint(order) if "paint" in order.values else None
    return _done(order, state, "outline", calls, handles, colour=colour, strength=strength)


def background(order: Order, state: Situation) -> Calls:
    """A colour, or another picture, behind what is named."""
    if "paint" in order.values:
        behind = said_paint(order)
    else:
        behind = picture_of(str(order.values.get("picture", order.values.get("ordinal", ""))), state)
    return _behind(order, state, behind)


def paste(order: Order, state: Situation) -> Calls:
    """What is named on another picture: "put the mug on p2"."""
    if order.picture is None:
        raise CannotPlanError("edit_later")
    return _behind(order, state, order.picture)


def _behind(order: Order, state: Situation, behind: str) -> Calls:
    if not order.names.mentions:
        order = replace(order, names=Names((Mention(pronoun=True, known=True),)))
    if order.names.first.nameless and not about_click(order, state) and not state.anything_selected:
        raise CannotPlanError("edit_around_what")
    calls, handles = _meant(order, state)
    return _done(order, state, "replace_background", calls, handles, background=behind)


def move(order: Order, state: Situation) -> Calls:
    """What is named, or a copy of it, somewhere else."""
    calls, handles = _meant(order, state)
    action = str(order.values.get("moving", "duplicate"))
    if "centre" in order.values:
        dx, dy = _to_the_middle(handles, state)
    else:
        dx, dy = distance(order, state, _beside(order, handles, state) if action == "duplicate" else None)
        if "direction2" in order.values:
            values = {"direction": order.values["direction2"], "digits": order.values["digits2"]}
            more = distance(replace(order, values=values), state)
            dx, dy = dx or more[0], dy or more[1]
    return _done(order, state, action, calls, handles, dx=dx, dy=dy)


def moved(order: Order, state: Situation) -> Calls:
    """What was moved last, some more: "a bit further to the left"."""
    latest = newest(state)
    if latest is None or latest.action not in ("move", "duplicate"):
        raise CannotPlanError("no_such_edit" if state.context.edits else "no_edit")
    dx, dy = distance(order, state)
    return [farther(latest, dx, dy)]


def distance(order: Order, state: Situation, usual: float | None = None) -> tuple[float | None, float | None]:
    """Pixels to the right and down that an order says, or None for none of them.

    Args:
        order: with a direction, and perhaps pixels or a degree.
        state: knows how large the picture is.
        usual: how far where nothing is said about it; None: some share of the picture.
    """
    direction = str(order.values["direction"])
    across = direction in ("left", "right")
    size = state.context.picture
    side = (size.width if across else size.height) if size is not None else 500
    share = _DISTANCE[str(order.values.get("degree", ""))]
    far = float(order.values["digits"]) if "digits" in order.values else float(round(share * side))
    if usual is not None and not {"digits", "degree"} & order.values.keys():
        far = usual
    far = -far if direction in ("left", "up") else far
    return (far, None) if across else (None, far)


def take_away(order: Order, state: Situation) -> Calls:
    """Remove things: out of what is selected, where something stays; else out of the picture."""
    names = order.names
    if names.excluded or about_click(order, state) or any(_is_narrowed(each) for each in names.mentions):
        return subtract(order, state)
    if not names.mentions or any(each.pointing or each.others or each.everything for each in names.mentions):
        return subtract(order, state)
    if any(each.phrase is not None and known_of(each, state) is None for each in names.mentions):
        return edit(order, state)
    if state.selection is None:
        return subtract(order, state)
    handles = _named_handles(names, state)
    within = [handle for handle in handles if handle in state.selection]
    some = within and len(within) < len(state.selection)
    return subtract(order, state) if some or any(each.handles for each in names.mentions) else edit(order, state)


def _is_narrowed(mention: Mention) -> bool:
    return bool(mention.place or mention.attribute or (mention.colour and mention.nameless))


def _named_handles(names: Names, state: Situation) -> list[str]:
    """What mentions without a place name among the known things."""
    labelled = _by_label(names, state)
    if labelled is not None:
        return labelled
    handles: list[str] = []
    for mention in names.mentions:
        known = known_of(mention, state, keep_label=False)
        if known is not None:
            handles += known.handles if known.handles is not None else list(state.selection or ())
    return list(dict.fromkeys(handles))


def said_action(order: Order) -> str:
    """What is to be done."""
    return next(str(order.values[slot]) for slot in _SAID_BY if slot in order.values)


def said_paint(order: Order) -> str:
    """The colour that is said, in its words, or as a code."""
    said = str(order.values["paint"])
    return f"#{said[3:]}" if said.startswith("rgb") else said


def _done(
    order: Order,
    state: Situation,
    action: str,
    calls: Calls,
    handles: list[str] | None,
    *,
    invert: bool = False,
    **parameters: float | str | None,
) -> Calls:
    """The edit, or a change to the one that does the same to the same things already."""
    given = {name: value for name, value in parameters.items() if value is not None}
    degree = str(order.values.get("degree", ""))
    if not calls and (same := _same(state, action, handles, invert)) is not None:
        if "colour" in given or "background" in given or "strength" in given:
            return [changed(same, **given)]
        return [farther(same, parameters.get("dx"), parameters.get("dy"))] if given else [stronger_by(same, degree)]
    opposite = _OPPOSITE.get(action)
    if not calls and opposite and (same := _same(state, opposite, handles, invert)) is not None:
        return [stronger_by(same, degree, less=True)]
    if degree in _STRENGTH and action not in ("move", "duplicate", "remove", "cut_out"):
        given.setdefault("strength", _STRENGTH[degree])
    # Not call(), which leaves an empty list out: no handles at all stand for the whole picture.
    where = {} if handles is None else {"handles": handles}
    inverted = {"invert": True} if invert else {}
    return [*calls, PlannedCall(tool="edit", arguments={"action": action, **where, **inverted, **given})]


def _same(state: Situation, action: str, handles: list[str] | None, invert: bool) -> KnownEdit | None:
    """The newest edit that does `action` to the same things."""
    if handles is None and state.selection is None:
        return None
    things = set(state.selection or () if handles is None else handles)
    same = [
        one for one in state.context.edits if (one.action, set(one.handles), one.invert) == (action, things, invert)
    ]
    return max(same, key=lambda one: int(one.handle[1:]), default=None)


def _only_pronoun(order: Order, state: Situation) -> bool:
    mention = order.names.first
    plain = mention.pronoun and not (mention.place or mention.colour or mention.attribute or mention.pointing)
    return plain and len(order.names.mentions) == 1 and not order.names.excluded and state.context.click is None


def _meant(order: Order, state: Situation) -> tuple[Calls, list[str] | None]:
    """Calls that find or choose what is named, and its handles where no call is needed (None: the selection)."""
    names = order.names
    if about_click(order, state):
        hit = None if state.context.more_gestures else state.hit()
        return ([], [hit]) if hit is not None else (mask_clicked(names.first, state), None)
    latest = edited_last(state)
    if latest is not None and latest.handles and not latest.invert and _only_pronoun(order, state):
        return [], None if set(latest.handles) == set(state.selection or ()) else list(latest.handles)
    if any(each.phrase is not None and known_of(each, state) is None for each in names.mentions):
        return look("segment", names, state), None
    if names.excluded or any(each.attribute for each in names.mentions):
        return narrow(order, state), None
    labelled = _by_label(names, state)
    if labelled is not None:
        return [], None if set(labelled) == set(state.selection or ()) else labelled
    found = [known for each in names.mentions if (known := known_of(each, state, keep_label=False)) is not None]
    if any(known.places.steps or known.places.choices for known in found):
        return narrow(order, state), None
    handles = [handle for known in found for handle in (known.handles or state.selection or ())]
    whole = all(known.handles is None for known in found) or set(handles) == set(state.selection or ())
    if whole and not state.anything_selected:
        raise CannotPlanError("nothing_selected" if state.objects else "nothing_found_yet")
    return [], None if whole else list(dict.fromkeys(handles))


def _by_label(names: Names, state: Situation) -> list[str] | None:
    """The handles of things named by their labels alone: of each label the selected ones, where there are any; None if
    more is said, or if what is selected is not known yet.
    """
    if state.selection is None or not names.mentions:
        return None
    handles: list[str] = []
    for mention in names.mentions:
        labels, colour = state.matching_labels(mention)
        if not labels or colour or mention.place or mention.others or mention.pointing or mention.handles:
            return None
        known = state.of_labels(labels)
        handles += [handle for handle in known if handle in state.selection] or known
    return list(dict.fromkeys(handles))


def _boxes(handles: list[str] | None, state: Situation) -> list[tuple[float, float, float, float]]:
    wanted = set(state.selection or () if handles is None else handles)
    return [known.box for known in state.objects if known.handle in wanted]


def _beside(order: Order, handles: list[str] | None, state: Situation) -> float | None:
    """How far a copy has to go to stand beside its things; None where they are not known yet."""
    boxes = _boxes(handles, state)
    if not boxes or order.values.get("direction") is None:
        return None
    first, last = (0, 2) if order.values["direction"] in ("left", "right") else (1, 3)
    return float(round(_BESIDE * (max(box[last] for box in boxes) - min(box[first] for box in boxes))))


def _to_the_middle(handles: list[str] | None, state: Situation) -> tuple[float | None, float | None]:
    boxes, size = _boxes(handles, state), state.context.picture
    if not boxes or size is None:
        raise CannotPlanError("one_at_a_time")
    sides = [min(box[0] for box in boxes), min(box[1] for box in boxes), max(box[2] for box in boxes)]
    x0, y0, x1, y1 = *sides, max(box[3] for box in boxes)
    dx, dy = round((size.width - x0 - x1) / 2), round((size.height - y0 - y1) / 2)
    if not dx and not dy:
        raise CannotPlanError("already_there")
    return float(dx) or None, float(dy) or None
