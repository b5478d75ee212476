"""`askmask mcp`: the tools for agents, until the client goes or somebody interrupts.

This module does not know the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_tools.errors import ConfigError, shorten
from agent_tools.settings import Settings, settings
from workflows.commands.session import Choice
from workflows.commands.terminal import note


@dataclass(frozen=True)
class Place:
    """Where to listen.

    Attributes:
        host: an address of this machine.
        port: 0 takes any free one.
        names: by which other machines reach it.
    """

    host: str
    port: int
    names: tuple[str, ...]


def mcp(folders: Sequence[Path], choice: Choice, place: Place | None, conversation: str | None) -> None:
    """Serve.

    Args:
        folders: from which agents may open pictures, beside those of the settings.
        choice: which models; none is loaded before it is needed.
        place: where to listen; None: one client, over stdin and stdout.
        conversation: id of one to go on with.

    Raises:
        ConfigError: the extra is not installed, or a folder, the conversation, the address or a token is wrong.
        MemoryStoreError: the store cannot be opened.
    """
    try:
        from agent_tools.plugs import mcp_http, mcp_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise ConfigError(
            'mcp= is not installed: expected the package mcp, 2.0 or newer. Run: pip install "askmask[mcp]"'
        ) from None
    import anyio

    from agent_tools.memory import Memory
    from agent_tools.toolkit import SharedModels

    rules = _with(folders)
    choice.names()
    if notice := choice.notice():
        note(notice)
    if not rules.picture_folders:
        note("agents may open no pictures yet. Name the folders: askmask mcp FOLDER...")
    models = SharedModels(choice.models, detector=choice.detector, segmenter=choice.segmenter, device=choice.device)
    with Memory() as memory:
        server = mcp_server.VisionServer(models, memory, conversation=conversation, rules=rules)
        if place is None:
            anyio.run(server.serve_stdio)
        else:
            mcp_http.serve_http(server, place.host, place.port, place.names, lambda url: note(f"serving at {url}"))


def _with(folders: Sequence[Path]) -> Settings:
    """The settings with more folders for pictures."""
    for folder in folders:
        if not folder.expanduser().is_dir():
            raise ConfigError(f"FOLDER={shorten(folder)} is no folder: expected one with pictures. Correct the path.")
    rules = settings()
    return rules.model_copy(update={"picture_folders": (*rules.picture_folders, *folders)})
