"""What an agent can do to a picture: find things, cut them out, count them, correct them, and talk about them again.

    from agent_tools import VisionToolkit

    toolkit = VisionToolkit(models="demo")
    toolkit.open_picture("shelf.jpg")
    print(toolkit.call("count", {"phrases": ["orange"]}).text)

Names are loaded when they are first used, so that importing this package is quick and loads no model library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_tools.errors import (
        AskmaskError,
        ConfigError,
        ConflictError,
        HandleError,
        MemoryStoreError,
        OutOfMemoryError,
        PictureError,
        ServiceError,
        ToolInputError,
    )
    from agent_tools.exporting import export, to_supervision
    from agent_tools.masks import Mask
    from agent_tools.memory import Memory
    from agent_tools.pictures import Picture, open_picture, open_pictures
    from agent_tools.prediction import Prediction, predict
    from agent_tools.services.base import (
        Detections,
        Detector,
        Prompt,
        Segmenter,
        SegmentRequest,
        Segments,
        Services,
    )
    from agent_tools.services.presets import load_services
    from agent_tools.toolkit import VisionToolkit
    from agent_tools.tools.results import ToolResult

__all__ = [
    "AskmaskError",
    "ConfigError",
    "ConflictError",
    "Detections",
    "Detector",
    "HandleError",
    "Mask",
    "Memory",
    "MemoryStoreError",
    "OutOfMemoryError",
    "Picture",
    "PictureError",
    "Prediction",
    "Prompt",
    "SegmentRequest",
    "Segmenter",
    "Segments",
    "ServiceError",
    "Services",
    "ToolInputError",
    "ToolResult",
    "VisionToolkit",
    "export",
    "load_services",
    "open_picture",
    "open_pictures",
    "predict",
    "to_supervision",
]

_HOMES = {
    "agent_tools.errors": (
        "AskmaskError",
        "ConfigError",
        "ConflictError",
        "HandleError",
        "MemoryStoreError",
        "OutOfMemoryError",
        "PictureError",
        "ServiceError",
        "ToolInputError",
    ),
    "agent_tools.exporting": ("export", "to_supervision"),
    "agent_tools.masks": ("Mask",),
    "agent_tools.memory": ("Memory",),
    "agent_tools.pictures": ("Picture", "open_picture", "open_pictures"),
    "agent_tools.prediction": ("Prediction", "predict"),
    "agent_tools.services.base": (
        "Detections",
        "Detector",
        "Prompt",
        "SegmentRequest",
        "Segmenter",
        "Segments",
        "Services",
    ),
    "agent_tools.services.presets": ("load_services",),
    "agent_tools.toolkit": ("VisionToolkit",),
    "agent_tools.tools.results": ("ToolResult",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
