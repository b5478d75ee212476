"""What a clause asks for, once it is understood, and the calls it becomes.

This module does not know any act.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from workflows.planning.context import PlannedCall
from workflows.planning.mention import Names
from workflows.planning.patterns import Values

Calls = list[PlannedCall]


@dataclass(frozen=True)
class Order:
    """One clause, understood: its act, what it is about, the values of its slots, and whether it is a question."""

    act: str
    names: Names = field(default_factory=Names)
    values: Values = field(default_factory=dict)
    asked: bool = False
    words: str = ""
    picture: str | None = None
    """The other picture that is meant; None: the one in hand."""


def call(tool: str, **arguments: object) -> PlannedCall:
    """A planned call without the arguments that are None, empty or at their default."""
    kept = {name: value for name, value in arguments.items() if value not in (None, [], {}, "")}
    return PlannedCall(tool=tool, arguments=kept)
