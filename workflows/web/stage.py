"""The picture with what was found on it, as a component of Gradio; the drawing and the hands are in static/stage.js.

Its value is what `workflows.web.view` gives; the one event ``act`` brings what a hand did. This module does not know
conversations.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import gradio as gr

_ON_LOAD = "askmaskStage(element, trigger, props, watch); // 'act'"


def stage(version: str) -> gr.HTML:
    """The component; `version` is in the script's address, so that a browser never mixes two of them."""
    template = files("workflows.web").joinpath("static/stage.html").read_text(encoding="utf-8")
    return gr.HTML(
        value=None,
        html_template=template,
        js_on_load=_ON_LOAD,
        head=f'<script src="static/stage.js?{version}"></script>',
        elem_id="askmask-stage",
        apply_default_css=False,
        label="Picture",
    )


def sent(event: gr.EventData) -> dict[str, Any]:
    """What the page sent with an event."""
    data = event._data
    return dict(data) if isinstance(data, dict) else {}
