"""The pixel work of edits: an array, masks and parameters in, an array out; pixels outside the region never change.

Edits are a stack over the untouched original: `edited` starts from the original's own pixels (depth, transparency and
colour profile included) and does one after the other. Each says which region it changes, and is checked: not a bit
outside it differs. Soft edges lie inside the region.

How an edit looks does not depend on the resolution: blur, blocks, rims and outlines are scaled to the thing or to the
picture. The work is done in strips, so that a picture of 48 megapixels takes well under 2 GB. Strengths are in [0, 1].
This package does not know handles, conversations, files or models. Names are loaded when they are first used: the
tools know the actions without loading what does them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from agent_tools.editing.actions import FILLING, PARAMETERS, STRENGTHS, check_parameters, is_picture

if TYPE_CHECKING:
    from agent_tools.editing.keeping import EditedPictures
    from agent_tools.editing.result import Edited
    from agent_tools.editing.stack import Step, apply, edited

__all__ = [
    "FILLING",
    "PARAMETERS",
    "STRENGTHS",
    "Edited",
    "EditedPictures",
    "Step",
    "apply",
    "check_parameters",
    "edited",
    "is_picture",
]

_HOME_OF = {
    "Edited": "agent_tools.editing.result",
    "EditedPictures": "agent_tools.editing.keeping",
    "Step": "agent_tools.editing.stack",
    "apply": "agent_tools.editing.stack",
    "edited": "agent_tools.editing.stack",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value
