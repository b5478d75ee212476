"""What every command that talks about pictures does: open them, ask, write what was found onto them.

This module does not know terminals, options or how an outcome is printed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_tools.errors import ConfigError, ToolInputError, shorten
from agent_tools.settings import settings

if TYPE_CHECKING:
    from agent_tools.memory import Memory, State
    from agent_tools.pictures import Picture
    from agent_tools.toolkit import VisionToolkit
    from workflows.agent_loop.events import Listener
    from workflows.conversation import Conversation, Reply
    from workflows.hand_gestures import HandGesture

OUT = Path("askmask-out")
"""Where annotated pictures go unless told otherwise, in the working folder."""


@dataclass(frozen=True)
class Choice:
    """Which models to use, how the language model is asked, the product lists to offer it, and whether edited pictures
    keep what their files told of camera, place and time; None is the setting's value, then the default.
    """

    models: str | None = None
    detector: str | None = None
    segmenter: str | None = None
    device: str | None = None
    llm: str | None = None
    look: bool = False
    record: Path | None = None
    replay: Path | None = None
    products: tuple[Path, ...] = ()
    inpainter: str | None = None
    keep_metadata: bool = False

    def names(self) -> dict[str, str]:
        """The models as a person would type them, by "preset", "detector" and "segmenter"; loads none.

        Raises:
            ConfigError: no such preset.
        """
        from agent_tools.services.presets import default_preset, find_preset

        preset = find_preset(self.models or settings().models or default_preset())
        own = {
            "detector": self.detector or settings().detector,
            "segmenter": self.segmenter or settings().segmenter,
        }
        names = {role: own[role] or getattr(preset, role) or preset.name for role in own}
        return {"preset": "custom" if all(own.values()) else preset.name, **names}

    def notice(self) -> str | None:
        """The line that a run on the bundled demo models owes the person; None for other models.

        Raises:
            ConfigError: no such preset.
        """
        names = self.names()
        roles = [role for role in ("detector", "segmenter") if names[role] == "demo"]
        if not roles:
            return None
        which = "models" if len(roles) == 2 else roles[0]
        return (
            f"using the bundled demo {which}, made for rendered fruit and household things. "
            "For real photographs: askmask models get base"
        )


@dataclass(frozen=True)
class Outcome:
    """What one request came to.

    Attributes:
        reply: the conversation's answer.
        pictures: handle → the picture that was written: edited where the request changed its edits, else annotated.
        edited: handles of those that are edited.
        conversation: id to go on with.
        models: names by "preset", "detector" and "segmenter".
    """

    reply: Reply
    pictures: dict[str, Path]
    conversation: str
    models: dict[str, str]
    edited: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As ``ask --json`` prints it."""
        reply = self.reply
        return {
            "answer": reply.answer,
            "counts": reply.counts,
            "objects": reply.objects,
            "calls": reply.calls,
            "pictures": {handle: str(path.absolute()) for handle, path in self.pictures.items()},
            "edited": list(self.edited),
            "conversation": self.conversation,
            "models": self.models,
            "seconds": {name: round(seconds, 4) for name, seconds in reply.seconds.items()},
            "cache": reply.cache,
        }


class Session:
    """One conversation with its models and the folder its annotated pictures go to."""

    def __init__(
        self,
        toolkit: VisionToolkit,
        conversation: Conversation,
        names: dict[str, str],
        out: Path,
        keep_metadata: bool = False,
    ) -> None:
        self.toolkit = toolkit
        self._conversation = conversation
        self._names = names
        self._out, self._keep_metadata = out, keep_metadata

    @property
    def id(self) -> str:
        """The conversation's id."""
        return self.toolkit.conversation

    def open(self, pictures: Iterable[Picture]) -> tuple[str, ...]:
        """Take pictures into the conversation; their handles, in order, each once. The first becomes current."""
        given = list(pictures)
        if not given:
            return ()
        with self.toolkit.turn() as turn:
            handles = tuple(dict.fromkeys([self.toolkit.open_picture(picture) for picture in given]))
            turn.use_picture(handles[0])
        return handles

    def ask(
        self,
        request: str,
        pictures: Sequence[str] = (),
        gestures: Sequence[HandGesture] = (),
        on_event: Listener | None = None,
    ) -> Outcome:
        """Answer a request and write the pictures: annotated, or edited where it changed their edits.

        Args:
            request: the person's words.
            pictures: handles to answer for; empty for the current picture.
            gestures: what the hand did on the current picture.
            on_event: is told what happens while it happens.

        Raises:
            AskmaskError: the request could not be answered, or a picture not be written.
        """
        if self.toolkit.state.picture is None:
            raise ToolInputError("picture=None is not open: expected a picture. Name one after the request.")
        self._offer_named(request)
        before = _edits(self.toolkit.state)
        reply = self._conversation.ask(request, pictures=pictures, gestures=gestures, on_event=on_event)
        after = _edits(self.toolkit.state)
        edited = tuple(handle for handle, edits in after.items() if edits and edits != before.get(handle, []))
        written = {handle: self._write_edited(handle) for handle in edited}
        if reply.calls:
            written |= self._annotate(reply, [handle for handle in reply.pictures if handle not in written])
        return Outcome(reply, written, self.id, self._names, edited)

    def _offer_named(self, request: str) -> None:
        """A product list that the person names in their own words may be read; a planner naming it is not enough."""
        from workflows.planning.languages import table_in

        named = table_in(request)
        if named and Path(named).expanduser().is_file():
            self.toolkit.offer_products(named)

    def _write_edited(self, handle: str) -> Path:
        """A picture as its edits leave it: exact, so PNG."""
        from agent_tools.decoding import exif_of

        opened = self.toolkit.state.pictures[handle]
        exif = exif_of(self.toolkit.memory.picture(opened).original, opened.name) if self._keep_metadata else b""
        name = f"{Path(opened.name).stem}-edited.png"
        return write_new(self._out, name, self.toolkit.edited(handle).png(exif), ".png")

    def _annotate(self, reply: Reply, pictures: Iterable[str]) -> dict[str, Path]:
        """Draw what the answer is about on each of the pictures, edited as they are; an answer without objects shows
        the selection.
        """
        from agent_tools.drawing import draw, encode_jpeg

        state = self.toolkit.state
        handles = [thing["handle"] for thing in reply.objects] if reply.objects or reply.counts else state.selection
        things = [state.objects[handle] for handle in handles if handle in state.objects]
        written = {}
        for handle in pictures:
            opened = state.pictures.get(handle)
            if opened is None:  # forgotten by this very request
                continue
            drawn = draw(self.toolkit.as_edited(handle), [thing for thing in things if thing.picture == handle])
            written[handle] = write_new(self._out, opened.name, encode_jpeg(drawn))
        return written


def _edits(state: State) -> dict[str, list[str]]:
    """The edits in force by picture."""
    return {picture: [one.handle for one in state.edits if one.picture == picture] for picture in state.pictures}


@contextmanager
def session(
    choice: Choice, conversation: str | None = None, out: Path | None = None, memory: Memory | None = None
) -> Iterator[Session]:
    """A session on a new or an earlier conversation; no vision model is loaded before one is needed.

    Args:
        choice: which models.
        conversation: id of an earlier one to go on with; None begins one.
        out: folder for annotated pictures.
        memory: where conversations are kept; None: the folder of the settings. It is left open when given.

    Raises:
        ConfigError: an unknown preset, conversation or language model, or a folder that cannot be written to.
        MemoryStoreError: the store cannot be opened.
    """
    names = choice.names()
    _check_out(OUT if out is None else out)
    from agent_tools.memory import Memory
    from agent_tools.toolkit import VisionToolkit
    from workflows.conversation import Conversation

    own = Memory() if memory is None else memory
    try:
        toolkit = VisionToolkit(
            choice.models,
            detector=choice.detector,
            segmenter=choice.segmenter,
            device=choice.device,
            inpainter=choice.inpainter,
            memory=own,
            conversation=conversation,
        )
        for path in choice.products:
            toolkit.offer_products(path)
        talk = Conversation(
            toolkit,
            choice.llm or settings().llm,
            look=choice.look,
            record=choice.record,
            replay=choice.replay,
        )
        yield Session(toolkit, talk, names, OUT if out is None else out, choice.keep_metadata)
    finally:
        if memory is None:
            own.close()


def _check_out(folder: Path) -> None:
    """Refuse, before any model runs, a folder that nothing could be written to after it."""
    there = next(place for place in (folder, *folder.absolute().parents) if os.access(place, os.F_OK))
    if not there.is_dir():
        raise _unwritable(folder, "not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise _unwritable(folder, "Permission denied")


def _unwritable(folder: Path, reason: str) -> ConfigError:
    return ConfigError(
        f"out={shorten(folder)} cannot be written ({reason}): expected a folder of yours. Name another with --out DIR."
    )


def write_new(folder: Path, name: str, data: bytes, suffix: str = ".jpg") -> Path:
    """Write a file that was not there before: ``<name>-1.jpg``, ``<name>-2.jpg``, ...

    Args:
        folder: made where it is missing.
        name: what the file is called after; its own ending is dropped.
        data: the content.
        suffix: the new file's ending.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    stem = re.sub(r"[^\w.+ -]+", "_", Path(name).stem).strip(". ")[:80] or "picture"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = {path.name for path in folder.iterdir()}
        number = 1
        while True:
            path = folder / f"{stem}-{number}{suffix}"
            if path.name not in taken:
                try:
                    with path.open("xb") as file:
                        file.write(data)
                except FileExistsError:
                    taken.add(path.name)
                else:
                    return path
            number += 1
    except OSError as error:
        raise _unwritable(folder, error.strerror or str(error)) from error
