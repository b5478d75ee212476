"""`askmask models`: which presets there are, and fetching one."""

from __future__ import annotations

from agent_tools.settings import settings
from workflows.commands.terminal import note, result, result_json


def listing(*, as_json: bool) -> None:
    """Print every preset, whether it is on this machine, and which one is used by default."""
    from agent_tools.services.presets import default_preset, list_presets

    default = settings().models or default_preset()
    rows = [
        {
            "name": preset.name,
            "default": preset.name == default,
            "fetched": fetched,
            "megabytes": preset.megabytes,
            "licence": preset.licence,
            "detector": preset.detector or "bundled",
            "segmenter": preset.segmenter or "bundled",
            "summary": preset.summary,
        }
        for preset, fetched in list_presets()
    ]
    if as_json:
        result_json(rows)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("preset", "here", "download", "what it is", box=None, pad_edge=False)
    for row in rows:
        mark = " *" if row["default"] else ""
        size = f"{row['megabytes']} MB" if row["megabytes"] else "bundled"
        table.add_row(f"{row['name']}{mark}", "yes" if row["fetched"] else "no", size, str(row["summary"]))
    console = Console(highlight=False)
    with console.capture() as capture:
        console.print(table)
    result(capture.get().rstrip())
    result("* used by default. Fetch another, and make it the default: askmask models get PRESET")


def get(preset: str, *, as_json: bool) -> None:
    """Fetch a preset and make it the default; its progress goes to stderr."""
    from agent_tools.services.presets import get_preset

    fetched = get_preset(preset, note)
    if as_json:
        result_json({"name": fetched.name, "detector": fetched.detector, "segmenter": fetched.segmenter})
    else:
        result(f"{fetched.name} is on this machine and used by default from now on.")
