"""Cuts out every region of a picture, without a word. This module does not know phrases, nor how regions are found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from agent_tools.masks import mask_iou
from agent_tools.references import reading_order
from agent_tools.services.automatic import regions
from agent_tools.tools.context import ToolContext
from agent_tools.tools.finding import SAME_THING, Found

LABEL = "object"
"""What a thing is called that was found without a word."""


def everything(context: ToolContext, picture: str) -> list[Found]:
    """Every region of a picture that the segmenter is sure of, in reading order; the score is its predicted IoU.

    A region that is a known thing has its label, so that it keeps its handle.
    """
    turn = context.state.turn_number
    found = [
        Found(
            picture,
            LABEL,
            region.predicted_iou,
            region.mask.box,
            turn,
            (region.prompt,),
            mask=region.mask,
            candidate=region.candidate,
            predicted_iou=region.predicted_iou,
            stability=region.stability,
        )
        for region in regions(context.services.segmenter, context.turn.picture(picture), context.propose(picture))
    ]
    return reading_order([known_by_mask(context, each) for each in found])


def known_by_mask(context: ToolContext, found: Found) -> Found:
    """A thing found without a word takes the name of the known object that it is, so that it keeps its handle."""
    objects = context.state.objects.values()
    rivals = [(thing, thing.mask) for thing in objects if thing.picture == found.picture and thing.mask is not None]
    if found.label != LABEL or found.mask is None or not rivals:
        return found
    likeness = mask_iou([found.mask], [mask for _, mask in rivals])[0]
    best = int(np.argmax(likeness))
    return replace(found, label=rivals[best][0].label) if likeness[best] > SAME_THING else found
