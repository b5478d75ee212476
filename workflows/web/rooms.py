"""The conversations that visitors of the page are in, each with its tools; the models are loaded once for all.

A conversation begins with its first picture. Its id is 128 random bits, and whoever has it may go on with it: it is in
the visitor's cookie, and in the link that the visitor may keep. Where people log in, a conversation is its owner's
alone. This module does not know Gradio, HTTP or what is said.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from agent_tools.errors import AskmaskError, ConfigError, ToolInputError
from agent_tools.memory import Memory, State
from agent_tools.memory.checks import check_handle
from agent_tools.pictures import Picture
from agent_tools.toolkit import SharedModels, VisionToolkit
from workflows.agent_loop.events import Listener
from workflows.conversation import Conversation, Reply
from workflows.hand_gestures import HandGesture
from workflows.web.hands import HandAct

OWNER = "web"
"""Owner of the conversations of visitors who did not log in; a visitor who did has ``web:NAME``."""
_DAY = 86_400.0


def owner_named(name: str) -> str:
    """The owner of the conversations of someone who logs in."""
    return f"{OWNER}:{name}"


@dataclass(frozen=True)
class Limits:
    """What visitors may use.

    Attributes:
        open_rooms: conversations whose tools are kept ready; the one used longest ago makes room.
        pictures: of one conversation.
        waiting: requests that may be at work or wait at the same time, over all visitors.
        keep_days: days after its last turn that a conversation is erased; None: never.
    """

    open_rooms: int = 64
    pictures: int = 20
    waiting: int = 64
    keep_days: float | None = None


@dataclass
class Room:
    """One conversation, and what of it is worth keeping ready."""

    toolkit: VisionToolkit
    talk: Conversation
    lock: threading.Lock = field(default_factory=threading.Lock)
    outlines: dict[tuple[str, int], str] = field(default_factory=dict)
    """(handle, version) → SVG path; see `workflows.web.view`."""

    @property
    def id(self) -> str:
        """The conversation's id."""
        return self.toolkit.conversation

    @property
    def state(self) -> State:
        """The conversation as last committed."""
        return self.toolkit.memory.state(self.id)

    def picture(self, handle: str) -> Picture:
        """One of its pictures; does not wait for a request that is at work.

        Raises:
            HandleError: there is no such picture.
            MemoryStoreError: its file is missing or damaged.
        """
        pictures = self.state.pictures
        check_handle(handle, pictures, {}, "picture")
        return self.toolkit.memory.picture(pictures[handle])

    def ask(
        self, words: str, gestures: Sequence[HandGesture], picture: str | None, on_event: Listener | None = None
    ) -> Reply:
        """Answer a sentence about a picture, with what was pointed at on it.

        Raises:
            AskmaskError: it could not be answered. Nothing was changed.
        """
        with self.lock:
            return self.talk.ask(
                words, pictures=() if picture is None else (picture,), gestures=gestures, on_event=on_event
            )

    def use(self, picture: str) -> None:
        """Make another of its pictures the current one.

        Raises:
            HandleError: there is no such picture.
        """
        with self.lock, self.toolkit.turn() as turn:
            turn.use_picture(picture)

    def do(self, act: HandAct, picture: str | None, language: str) -> Reply:
        """Do what a hand did; one thing at a time.

        Raises:
            AskmaskError: it could not be done. Nothing was changed.
        """
        with self.lock:
            return self.talk.act(act.plan, act.request, act.gestures, picture, language)


class Rooms:
    """All conversations of the page."""

    def __init__(
        self,
        memory: Memory,
        models: SharedModels,
        limits: Limits,
        converse: Callable[[VisionToolkit], Conversation],
    ) -> None:
        """Nothing is opened yet.

        Args:
            memory: where conversations are kept; its owner is not used.
            models: for all of them.
            limits: what visitors may use.
            converse: how a conversation is led, by which planner.
        """
        self.limits = limits
        self._memory, self._models, self._converse = memory, models, converse
        self._rooms: OrderedDict[tuple[str, str], Room] = OrderedDict()
        self._owners: dict[str, Memory] = {}
        self._lock = threading.Lock()

    def room(self, conversation: str, owner: str = OWNER) -> Room:
        """The room of a conversation.

        Raises:
            ConfigError: this owner has no conversation of that id.
        """
        key = (owner, conversation)
        with self._lock:
            if (room := self._rooms.get(key)) is not None:
                self._rooms.move_to_end(key)
                return room
        toolkit = VisionToolkit(services=self._models, memory=self._of(owner), conversation=conversation)
        made = Room(toolkit, self._converse(toolkit))
        with self._lock:
            room = self._rooms.setdefault(key, made)
            self._rooms.move_to_end(key)
            while len(self._rooms) > self.limits.open_rooms:
                self._rooms.popitem(last=False)
        return room

    def known(self, conversation: str | None, owner: str = OWNER) -> Room | None:
        """The room of a conversation, if there is such a one."""
        if not conversation:
            return None
        with suppress(ConfigError):
            return self.room(conversation, owner)
        return None

    def open(self, picture: Picture, conversation: str | None, owner: str = OWNER) -> tuple[Room, str]:
        """Take a picture into a conversation, or begin one with it; gives the room and the picture's handle.

        Raises:
            ToolInputError: the conversation has as many pictures as it may.
            AskmaskError: the picture cannot be kept.
        """
        room = self.known(conversation, owner) or self.room(self._of(owner).create(), owner)
        with room.lock:
            most, state = self.limits.pictures, room.state
            if len(state.pictures) >= most and all(one.digest != picture.digest for one in state.pictures.values()):
                raise ToolInputError(
                    f"picture={picture.name} is one too many: expected at most {most} pictures in a conversation. "
                    "Begin a new one."
                )
            return room, room.toolkit.open_picture(picture)

    def erase(self, conversation: str, owner: str = OWNER) -> None:
        """Erase a conversation with all that belongs to it.

        Raises:
            ConfigError: this owner has no conversation of that id.
        """
        self._of(owner).erase(conversation)
        with self._lock:
            self._rooms.pop((owner, conversation), None)

    def erase_old(self, owners: Iterable[str] = (OWNER,), now: float | None = None) -> int:
        """Erase the conversations that nobody has gone on with for too long; how many."""
        if self.limits.keep_days is None:
            return 0
        oldest, erased = (time.time() if now is None else now) - self.limits.keep_days * _DAY, 0
        for owner in owners:
            for each in self._of(owner).conversations():
                if each.last_used < oldest:
                    with suppress(AskmaskError):  # somebody else erased it, or has just gone on with it
                        self.erase(each.id, owner)
                        erased += 1
        return erased

    def _of(self, owner: str) -> Memory:
        with self._lock:
            return self._owners.setdefault(owner, self._memory.owned_by(owner))
