"""The pages of a run: HTML, CSS and JavaScript beside this file, put together into one document that asks for nothing.

The scripts make elements and set their text; nothing that comes from a run is ever parsed as HTML. Data is JSON in an
element that is not run. This module does not know runs or counts.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any


def assemble(name: str, policy: str) -> tuple[str, str]:
    """The page `name` with its style and script inside: what comes before its data, and what comes after.

    Args:
        name: of the page: "report" or "review".
        policy: its Content-Security-Policy, beside what the page itself needs; nothing else may run or load.
    """
    folder = files(__name__)
    page, style, script = (
        folder.joinpath(file).read_text(encoding="utf-8") for file in (f"{name}.html", f"{name}.css", f"{name}.js")
    )
    style = folder.joinpath("look.css").read_text(encoding="utf-8") + style
    script = folder.joinpath("elements.js").read_text(encoding="utf-8") + script
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    whole = (
        f"default-src 'none'; script-src 'sha256-{allowed}'; style-src 'unsafe-inline'; base-uri 'none'; "
        f"form-action 'none'; {policy}"
    )
    page = page.replace("<!--policy-->", f'<meta http-equiv="Content-Security-Policy" content="{whole}">', 1)
    page = page.replace("/*style*/", style, 1).replace("/*script*/", script, 1)
    before, after = page.split("<!--data-->")
    return before, after


def as_json(value: Any) -> str:
    """Compact JSON that can stand inside a script element, whatever its texts hold."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
