"""What other packages add by being installed: detectors, segmenters, inpainters, tools and planners, found by
their entry points.

A package that adds a tool writes into its ``pyproject.toml``::

    [project.entry-points."askmask.tools"]
    measure = "its_package.measure:TOOL"

This module does not know what any of them is; it finds them and loads them.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from agent_tools.errors import ConfigError, shorten

Kind = Literal["detectors", "segmenters", "inpainters", "tools", "planners"]
KINDS: tuple[Kind, ...] = ("detectors", "segmenters", "inpainters", "tools", "planners")


def plugged(kind: Kind, name: str | None = None) -> list[EntryPoint]:
    """The entry points of a kind, or those of one name, by name and package; nothing is imported."""
    found = entry_points(group=f"askmask.{kind}") if name is None else entry_points(group=f"askmask.{kind}", name=name)
    return sorted(found, key=lambda entry: (entry.name, package_of(entry)))


def package_of(entry: EntryPoint) -> str:
    """The package that an entry point came with, and its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"


def load(kind: Kind, entry: EntryPoint) -> Any:
    """Import what an entry point names.

    Raises:
        ConfigError: it cannot be imported.
    """
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        raise unusable(kind, entry, f"cannot be imported ({type(error).__name__}: {shorten(error, 160)})") from error


def unusable(kind: Kind, entry: EntryPoint, why: str, expected: str = "a module that runs") -> ConfigError:
    """An error about something that was plugged in."""
    return ConfigError(
        f"{kind}={entry.name} ({entry.value}, of {package_of(entry)}) {why}: expected {expected}. "
        "Update or uninstall that package."
    )
