"""The tables of the store, in SQL that SQLite and PostgreSQL share.

Handles are kept as whole numbers (``m17`` as 17). Every row carries its owner, and every row but a conversation's own
goes with its conversation. Rows are only ever added, but for the one row that says where a conversation stands, and
for what `forget` and `erase` take away.

This module does not know engines, transactions or records.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    true,
)

VERSION = 4
"""Version of these tables. A store with a higher one was written by a newer askmask."""
MIGRATIONS: dict[int, tuple[str, ...]] = {
    1: (
        "ALTER TABLE gestures ADD COLUMN include BOOLEAN NOT NULL DEFAULT TRUE",
        "ALTER TABLE versions ADD COLUMN alternatives JSON",
    ),
    2: (
        "ALTER TABLE conversations ADD COLUMN edits_used INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE turns ADD COLUMN edits JSON",
        """CREATE TABLE edits (
            conversation VARCHAR(32) NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            owner VARCHAR NOT NULL,
            number INTEGER NOT NULL,
            turn INTEGER NOT NULL,
            picture INTEGER NOT NULL,
            action VARCHAR NOT NULL,
            objects JSON NOT NULL,
            invert BOOLEAN NOT NULL,
            parameters JSON NOT NULL,
            PRIMARY KEY (conversation, number)
        )""",
    ),
    3: ("CREATE INDEX versions_of_turn ON versions (conversation, turn)",),
}
"""What makes, of a store of each older version, one of the next; every statement is one that both databases know."""

metadata = MetaData()


def _key(name: str) -> Column[Any]:
    return Column(name, Integer, primary_key=True, autoincrement=False)


def _owned() -> list[Column[Any]]:
    return [
        Column("conversation", String(32), ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
        Column("owner", String, nullable=False),
    ]


meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", Integer, nullable=False),
)
"""``schema``: `VERSION`. ``store``: a random number of its own. ``pictures``: touched first by every transaction that
adds or sweeps picture files, so that the two wait for each other. ``unscrubbed``: 1 from a forgetting until its traces
are gone from the files."""

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("tip", Integer, nullable=False),
    Column("picture", Integer),
    Column("pictures_used", Integer, nullable=False),
    Column("gestures_used", Integer, nullable=False),
    Column("objects_used", Integer, nullable=False),
    Column("edits_used", Integer, nullable=False, server_default="0"),
    Index("conversations_of_owner", "owner", "created"),
)
"""Where each conversation stands: the turn that its state is at (0 the beginning), the tip that redo leads to, the
current picture, and the highest number ever given to a handle of each kind."""

turns = Table(
    "turns",
    metadata,
    *_owned(),
    _key("number"),
    Column("committed", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("request", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("click", JSON(none_as_null=True)),
    Column("forgotten", Boolean, nullable=False),
    Column("before", Integer),
    Column("selection", JSON(none_as_null=True)),
    Column("picture", Integer),
    Column("edits", JSON(none_as_null=True)),
)
"""``before``: the turn that this one's changes are on top of; NULL where it changed nothing that undo would revert.
``selection``: object numbers; NULL where the turn left it alone. ``picture``: the current one when it ended.
``edits``: numbers of the edits in force when it ended, in the order in which they are done; NULL likewise."""

pictures = Table(
    "pictures",
    metadata,
    *_owned(),
    _key("number"),
    Column("digest", String(64), nullable=False, index=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("name", Text, nullable=False),
)

openings = Table("openings", metadata, *_owned(), _key("turn"), _key("picture"))
"""Which turn opened which picture: undone with that turn, while the picture keeps its handle."""

gestures = Table(
    "gestures",
    metadata,
    *_owned(),
    _key("number"),
    Column("turn", Integer, nullable=False),
    Column("picture", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("coordinates", JSON, nullable=False),
    Column("include", Boolean, nullable=False, server_default=true()),
)

versions = Table(
    "versions",
    metadata,
    *_owned(),
    _key("object"),
    _key("version"),
    Column("turn", Integer, nullable=False),
    Column("picture", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("score", Float),
    Column("x0", Float, nullable=False),
    Column("y0", Float, nullable=False),
    Column("x1", Float, nullable=False),
    Column("y1", Float, nullable=False),
    Column("mask_height", Integer),
    Column("mask_width", Integer),
    Column("mask_counts", LargeBinary),
    Column("area", Integer, nullable=False),
    Column("parent_object", Integer),
    Column("parent_version", Integer),
    Column("prompts", JSON, nullable=False),
    Column("candidate", Integer, nullable=False),
    Column("predicted_iou", Float),
    Column("stability", Float),
    Column("model", Text, nullable=False),
    Column("review", Boolean, nullable=False),
    Column("alternatives", JSON(none_as_null=True)),
    Index("versions_of_turn", "conversation", "turn"),
)
"""``alternatives``: [counts, predicted IoU, stability] of each, as large as the mask; NULL without any."""

edits = Table(
    "edits",
    metadata,
    *_owned(),
    _key("number"),
    Column("turn", Integer, nullable=False),
    Column("picture", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("objects", JSON, nullable=False),
    Column("invert", Boolean, nullable=False),
    Column("parameters", JSON, nullable=False),
)
"""``objects``: [object, version] of each that the edit was made of."""

calls = Table(
    "calls",
    metadata,
    *_owned(),
    Column("call_id", String, primary_key=True),
    Column("turn", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("tool", String, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", JSON, nullable=False),
    Column("error", Boolean, nullable=False),
    Column("seconds", Float, nullable=False),
)

PARTS = (turns, pictures, openings, gestures, versions, edits, calls)
"""The tables whose rows make up a conversation, beside its one row in `conversations`."""
ADDED = (edits,)
"""Those that a conversation exported by an older askmask lacks."""
