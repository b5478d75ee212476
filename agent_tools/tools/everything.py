"""Cuts out every region of a picture, without a word. This module does not know phrases, nor how regions are found."""

from __future__ import annotations

from agent_tools.references import reading_order
from agent_tools.services.automatic import regions
from agent_tools.tools.context import ToolContext
from agent_tools.tools.finding import UNNAMED, Found, known_by_mask


def everything(context: ToolContext, picture: str) -> list[Found]:
    """Every region of a picture that the segmenter is sure of, in reading order; the score is its predicted IoU.

    A region that is a known thing has its label, so that it keeps its handle.
    """
    turn = context.state.turn_number
    found = [
        Found(
            picture,
            UNNAMED,
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
