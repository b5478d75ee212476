"""The parts of a conversation that grow with the number of its masks, read from the store when they are asked for.

Taking up a conversation costs the same however many masks are in it: objects are read with the first use of one of
them, together with the hundred whose handles are next to it, or all at once with the first use of all, and a selection
with the first look at it. What was read stays, and is what it was when the timeline began: versions are only ever
added, with a higher turn.

This module does not know databases: it is given what reads. Nothing in it is ever changed but by reading more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, ItemsView, Iterable, Iterator, Mapping, ValuesView

from agent_tools.memory.records import ObjectVersion

PAGE = 128
"""Objects that are read at once: a page takes a millisecond or two, little more than one object would."""
_HANDLE = re.compile(r"m[1-9][0-9]{0,9}", re.ASCII)
_Page = dict[str, tuple[ObjectVersion, ...]]


class Versions(Mapping[str, tuple[ObjectVersion, ...]]):
    """Every version of every object not forgotten, by handle, both ascending."""

    def __init__(
        self,
        read: Callable[[range, int], Iterable[ObjectVersion]],
        turns: int,
        used: int,
        pages: Mapping[int, _Page] | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            read: gives the versions of the objects of these numbers that were made up to this turn, in order.
            turns: number of the last turn that is seen.
            used: highest number given to an object.
            pages: what is known already, by number of the page.
        """
        self._read, self._turns, self._used = read, turns, used
        self._pages = dict(pages or {})

    def __getitem__(self, handle: str) -> tuple[ObjectVersion, ...]:
        number = int(handle[1:]) if _HANDLE.fullmatch(handle) else 0
        if not 0 < number <= self._used:
            raise KeyError(handle)
        page = number // PAGE
        if page not in self._pages:
            self._load(page, page)
        return self._pages[page][handle]

    def __iter__(self) -> Iterator[str]:
        return iter(self.whole())

    def __len__(self) -> int:
        return len(self.whole())

    def whole(self) -> _Page:
        """All of them, in a mapping of its own."""
        numbers = range(self._used // PAGE + 1)
        if missing := [page for page in numbers if page not in self._pages]:
            self._load(missing[0], missing[-1])
        return {handle: made for page in numbers for handle, made in self._pages[page].items()}

    def _load(self, first: int, last: int) -> None:
        pages: dict[int, _Page] = {page: {} for page in range(first, last + 1)}
        for one in self._read(range(first * PAGE, (last + 1) * PAGE), self._turns):
            _add(pages[int(one.handle[1:]) // PAGE], one)
        for number, page in pages.items():
            self._pages.setdefault(number, page)

    def with_turn(self, made: Iterable[ObjectVersion], turns: int, used: int) -> Versions:
        """These and the versions made in one turn more, which the store has by the time they are asked for."""
        pages, own = dict(self._pages), set[int]()
        for one in made:
            number = int(one.handle[1:]) // PAGE
            begun = number * PAGE <= self._used and self._used > 0
            if begun and number not in self._pages:
                continue  # read later, with what this turn made
            if number not in own:
                own.add(number)
                pages[number] = dict(pages.get(number, {}))
            _add(pages[number], one)
        return Versions(self._read, turns, used, pages)

    def without(self, gone: Container[str]) -> Versions:
        """These without the objects of some handles; all of them are read for it."""
        self.whole()
        left = {
            number: {handle: made for handle, made in page.items() if handle not in gone}
            for number, page in self._pages.items()
        }
        return Versions(self._read, self._turns, self._used, left)


def _add(page: _Page, one: ObjectVersion) -> None:
    page[one.handle] = (*page.get(one.handle, ()), one)


class Objects(Mapping[str, ObjectVersion]):
    """The current version of each object at one point of a conversation, by handle, ascending."""

    def __init__(self, versions: Versions, turns: Container[int]) -> None:
        """Read nothing yet.

        Args:
            versions: every version.
            turns: numbers of the turns that led to that point; what others made is not there.
        """
        self._versions, self._turns = versions, turns
        self._made: dict[str, ObjectVersion] = {}
        self._found: dict[str, ObjectVersion] = {}
        self._whole: dict[str, ObjectVersion] | None = None

    def __getitem__(self, handle: str) -> ObjectVersion:
        one = self._found.get(handle)
        if one is None:
            one = self._current(self._versions[handle])
            if one is None:
                raise KeyError(handle)
            self._found[handle] = one
        return one

    def _current(self, versions: tuple[ObjectVersion, ...]) -> ObjectVersion | None:
        return next((one for one in reversed(versions) if one.turn in self._turns), None)

    def __iter__(self) -> Iterator[str]:
        return iter(self.whole())

    def __len__(self) -> int:
        return len(self.whole())

    def values(self) -> ValuesView[ObjectVersion]:
        """As of any mapping; faster than one by one."""
        return self.whole().values()

    def items(self) -> ItemsView[str, ObjectVersion]:
        """As of any mapping; faster than one by one."""
        return self.whole().items()

    def whole(self) -> Mapping[str, ObjectVersion]:
        """All of them."""
        if self._whole is None:
            current = ((handle, self._current(versions)) for handle, versions in self._versions.whole().items())
            self._whole = {handle: one for handle, one in current if one is not None} | self._made
            self._found = self._whole
        return self._whole

    def also(self, made: Mapping[str, ObjectVersion]) -> Objects:
        """These and what a turn in progress has made since."""
        more = Objects(self._versions, self._turns)
        more._made = {**self._made, **made}
        more._found = {**self._found, **made}
        more._whole = None if self._whole is None else more._found
        return more


class Selections:
    """What was selected when a turn ended, by number of the turn."""

    def __init__(self, read: Callable[[int], tuple[str, ...]], known: Mapping[int, tuple[str, ...]]) -> None:
        """Read nothing yet; `read` gives the selection of a turn that is not `known`."""
        self._read, self._known = read, dict(known)

    def __getitem__(self, turn: int) -> tuple[str, ...]:
        if turn not in self._known:
            self._known[turn] = self._read(turn)
        return self._known[turn]

    def with_known(self, known: Mapping[int, tuple[str, ...]]) -> Selections:
        """These, with some more or others in their place."""
        return Selections(self._read, {**self._known, **known})
