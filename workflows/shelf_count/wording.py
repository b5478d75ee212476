"""What is said about counts and differences, in the words of a person in the shop.

This module does not know where it is said.
"""

from __future__ import annotations

from agent_tools.shelves.results import Finding, ProductCount

KINDS = {"missing": "Missing", "surplus": "Too many", "misplaced": "Wrong row", "gap": "Empty place"}
"""Kind of finding → its heading."""


def in_row(row: int) -> str:
    """Where a row number points."""
    return f"in row {row}" if row else "on the shelf"


def amount(low: int, high: int | None) -> str:
    """How many: "6", "4 to 8", "at least 4", "none"."""
    if high is None:
        return f"at least {low}"
    if low != high:
        return f"{low} to {high}"
    return str(low) if low else "none"


def difference(finding: Finding, name: str) -> str:
    """A finding as one phrase, without the product's name unless it cannot do without.

    Args:
        finding: what differs.
        name: of the product, for people; empty for a gap that no product lacks.
    """
    where = in_row(finding.row)
    if finding.kind == "gap":
        return f"empty place {where}, where {name} should be" if name else f"empty place {where}"
    if finding.kind == "misplaced":
        return f"{finding.found} {where}, where none should be"
    expected = "none expected" if finding.expected is None else f"{amount(*finding.expected)} expected"
    return f"{expected}, {finding.found or 'none'} found {where}"


def spread(count: ProductCount) -> str:
    """A count with its range where it has one: "12", "12 (11 to 14)", "40 or more"."""
    if count.saturated:
        return f"{count.n} or more"
    return str(count.n) if count.low == count.high else f"{count.n} ({count.low} to {count.high})"
