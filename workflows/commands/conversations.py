"""`askmask conversations`: what is kept, erasing it, and taking it to another machine or store."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_tools.errors import shorten
from agent_tools.settings import settings
from workflows.commands.terminal import note, result, result_json

if TYPE_CHECKING:
    from agent_tools.memory import ConversationSummary

DAY = 86_400.0


def listing(*, as_json: bool) -> None:
    """Print the conversations, the one used last at the end."""
    from agent_tools.memory import Memory

    with Memory() as memory:
        known = sorted(memory.conversations(), key=lambda one: one.last_used)
        total = memory.picture_bytes()
    if as_json:
        result_json([_as_json(one) for one in known])
        return
    if known:
        result(_table(known))
    most = settings().max_pictures_gigabytes
    note(
        f"{len(known)} conversation{'' if len(known) == 1 else 's'}; their pictures take {megabytes(total)} of "
        f"{most:g} GB. Go on with one: askmask ask REQUEST --conversation ID"
    )


def forget(
    ids: Sequence[str], older_than: float | None, agreed: Callable[[str], bool] | None, *, as_json: bool
) -> None:
    """Erase conversations for good.

    Args:
        ids: those named.
        older_than: also all that were last used more than this many days ago; None: no others.
        agreed: asks the person; None: nobody has to be asked.
        as_json: whether to print JSON.

    Raises:
        ConfigError: an id that is not there; nothing was erased.
    """
    from agent_tools.memory import Memory

    with Memory() as memory:
        for name in ids:
            memory.state(name)
        before = time.time() - DAY * (older_than or 0.0)
        known = memory.conversations()
        meant = [one for one in known if one.id in ids or (older_than is not None and one.last_used < before)]
        if meant and agreed is not None:
            note(f"to be erased for good, with what was found and said in {'it' if len(meant) == 1 else 'them'}:")
            for line in _table(meant).splitlines():
                note(line)
            if not agreed(f"Erase {len(meant)} conversation{'' if len(meant) == 1 else 's'}?"):
                note("nothing was erased")
                meant = []
        for one in meant:
            memory.erase(one.id)
    if as_json:
        result_json({"forgotten": [one.id for one in meant]})
    else:
        result("\n".join(f"Forgotten: {one.id}" for one in meant) or "Nothing to forget.")


def export(conversation: str, file: Path, *, as_json: bool) -> None:
    """Write a conversation to a file."""
    from agent_tools.memory import Memory

    with Memory() as memory:
        path = memory.export_conversation(conversation, file)
    size = path.stat().st_size
    if as_json:
        result_json({"conversation": conversation, "file": str(path.absolute()), "bytes": size})
        return
    result(f"Written: {path} ({megabytes(size)})")
    note("it holds the pictures and all that was said, and is not encrypted. Elsewhere: askmask conversations import")


def bring(file: Path, *, as_json: bool) -> None:
    """Take in a conversation from a file."""
    from agent_tools.memory import Memory

    with Memory() as memory:
        conversation = memory.import_conversation(file)
    if as_json:
        result_json({"conversation": conversation})
    else:
        result(f"Imported: {conversation}")
        note(f"go on with: askmask ask REQUEST --conversation {conversation}")


def megabytes(size: float) -> str:
    """A size as people read it."""
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.2f} GB"


def _as_json(one: ConversationSummary) -> dict[str, Any]:
    return {**asdict(one), "created": _when(one.created), "last_used": _when(one.last_used)}


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _table(known: Sequence[ConversationSummary]) -> str:
    rows = [("conversation", "last used", "turns", "pictures", "size", "last words")]
    rows += [
        (
            one.id,
            datetime.fromtimestamp(one.last_used).astimezone().strftime("%Y-%m-%d %H:%M"),
            str(one.turns),
            str(one.pictures),
            megabytes(one.picture_bytes),
            shorten(" ".join(one.last_request.split()), 60),
        )
        for one in known
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )
