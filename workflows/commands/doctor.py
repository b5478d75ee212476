"""`askmask doctor`: whether everything askmask needs is here, and what to do about what is not.

Keys are only ever reported as present or absent. This module does not know how anything is repaired.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from agent_tools.errors import AskmaskError
from agent_tools.settings import settings
from workflows.commands.terminal import result, result_json

LIBRARIES = (
    "torch",
    "transformers",
    "langchain",
    "langchain-openai",
    "numpy",
    "pillow",
    "opencv-python-headless",
    "pycocotools",
    "sqlalchemy",
)
EXTRAS = {
    "heif": "pillow_heif",
    "mcp": "mcp",
    "postgres": "psycopg",
    "retail": "pandas",
    "serve": "ray",
    "speech": "pocketsphinx",
}
"""Extra of this distribution → the module it brings."""
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN")


@dataclass(frozen=True)
class Check:
    """One line of the report: what was looked at, what was found, and the next step where it is not well."""

    name: str
    ok: bool
    found: str
    required: bool = True
    step: str = ""


def doctor(*, as_json: bool) -> bool:
    """Print the report; whether everything required is well."""
    checks = list(examine())
    well = all(check.ok for check in checks if check.required)
    if as_json:
        result_json({"ok": well, "checks": [asdict(check) for check in checks]})
        return well
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        mark = "ok" if check.ok else ("BROKEN" if check.required else "-")
        table.add_row(mark, check.name, check.found, "" if check.ok else check.step)
    console = Console(highlight=False, markup=False)
    with console.capture() as capture:
        console.print(table)
    result("\n".join(line.rstrip() for line in capture.get().rstrip().splitlines()))
    result("Everything that is needed is here." if well else "Something is broken: follow the steps above.")
    return well


def examine() -> Iterator[Check]:
    """Look at everything, one after the other; nothing that is kept is changed."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Check("python", sys.version_info >= (3, 11), version, step="Install Python 3.11 or newer.")
    for name in LIBRARIES:
        yield _library(name)
    for name, look in (
        ("device", _device),
        ("precision", _precision),
        ("data folder", _data_folder),
        ("store", _store),
        ("font", _font),
        ("demo models", _demo),
    ):
        yield _guarded(name, look)
    yield replace(_guarded("speech", _speech), required=False)
    yield from _presets()
    for extra, module in EXTRAS.items():
        here = importlib.util.find_spec(module) is not None
        yield Check(f"extra {extra}", here, "installed" if here else "not installed", False, _pip(extra))
    yield from _plugged()
    for key in KEYS:
        here = bool(os.environ.get(key))
        yield Check(f"key {key}", here, "yes" if here else "no", False, "Only needed where you use it.")


def _library(name: str) -> Check:
    try:
        return Check(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, False, "not installed", step="Run pip install askmask again.")


def _guarded(name: str, look: Callable[[], Check]) -> Check:
    """A check that fails in a way nobody foresaw is a finding, not the end of the report."""
    try:
        return look()
    except AskmaskError as error:
        return Check(name, False, str(error), step="Follow the message.")
    except Exception as error:  # noqa: BLE001 (a broken installation breaks in any way it likes)
        return Check(name, False, f"{type(error).__name__}: {error}", step="Run pip install askmask again.")


def _device() -> Check:
    from agent_tools.services.devices import available_devices, choose_device

    chosen = choose_device(settings().device)
    return Check("device", True, f"{chosen} (of {', '.join(available_devices())})")


def _precision() -> Check:
    from agent_tools.services.devices import choose_device
    from agent_tools.services.precision import HEAVY, bfloat16_speed, choose_precision

    device = choose_device(settings().device)
    chosen = str(choose_precision(device, HEAVY)).removeprefix("torch.")
    measured = f", bfloat16 measured {bfloat16_speed():.1f} times as fast as float32" if device.type == "cpu" else ""
    return Check("precision", True, f"{chosen} for large models ({settings().precision}{measured})")


def _data_folder() -> Check:
    folder = settings().data_dir
    step = "Set ASKMASK_DATA_DIR to a folder of yours."
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return Check("data folder", True, str(folder))
    except OSError as error:
        return Check("data folder", False, f"{folder}: {error.strerror}", step=step)


def _store() -> Check:
    """Whether conversations can be read and their pictures written. A store that is not there yet is made, empty."""
    from agent_tools.memory import Memory
    from agent_tools.memory.schema import VERSION

    with Memory(wait_seconds=5.0) as memory:
        kept, folder = len(memory.conversations()), memory.picture_folder
        there = next(place for place in (folder, *folder.parents) if place.exists())
        step = "Give yourself the right to write there, or set ASKMASK_DATA_DIR to a folder of yours."
        try:
            with tempfile.TemporaryFile(dir=there):
                size, most = memory.picture_bytes(), settings().max_pictures_gigabytes * 1e9
        except OSError as error:
            return Check("store", False, f"pictures cannot be written to {folder}: {error.strerror}", step=step)
    found = f"version {VERSION}, {kept} conversations, pictures {size / 1e6:.0f} of {most / 1e6:.0f} MB: {memory.name}"
    full = "Make room: askmask conversations forget --older-than DAYS; or raise ASKMASK_MAX_PICTURES_GIGABYTES."
    return Check("store", size < most, found, step=full)


def _font() -> Check:
    from PIL import ImageFont

    scalable = isinstance(ImageFont.load_default(20), ImageFont.FreeTypeFont)
    return Check("font", scalable, "scalable" if scalable else "bitmap only", step="Install Pillow with FreeType.")


def _demo() -> Check:
    from agent_tools.services.presets import PRESETS, is_fetched

    here = is_fetched(PRESETS["demo"])
    return Check("demo models", here, "bundled" if here else "missing", step="Run pip install askmask again.")


def _speech() -> Check:
    from workflows.speech.hearing import available

    hears, chosen = available(), settings().speech
    found = f"nothing hears ({chosen})" if hears is None else f"{hears} hears ({chosen})"
    if hears is not None and hears.startswith("openai"):
        found += "; the sound leaves this machine"
    return Check("speech", hears is not None, found, step="Run pip install 'askmask[speech]', or set ASKMASK_SPEECH.")


def _presets() -> Iterator[Check]:
    from agent_tools.services.presets import list_presets

    for preset, here in list_presets():
        if preset.name != "demo":
            found = "fetched" if here else f"not fetched ({preset.megabytes} MB)"
            yield Check(f"models {preset.name}", here, found, False, f"Run askmask models get {preset.name}.")


def _plugged() -> Iterator[Check]:
    """What other packages add. A broken one is not needed, and is left out wherever it would be used."""
    from agent_tools.entry_points import KINDS, load, package_of, plugged
    from agent_tools.tools.plugged import checked
    from agent_tools.tools.registry import BUILT_IN

    for kind in KINDS:
        for entry in plugged(kind):
            name = f"{kind[:-1]} {entry.name}"
            try:
                _ = checked(entry, BUILT_IN) if kind == "tools" else load(kind, entry)
                yield Check(name, True, f"of {package_of(entry)}")
            except AskmaskError as error:
                yield Check(name, False, str(error), False)


def _pip(extra: str) -> str:
    return f"Run pip install 'askmask[{extra}]'."
