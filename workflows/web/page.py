"""What is on the page: the talk, as Gradio shows it, beside the picture.

Everything that is done is done in the room of the conversation that the page names; the page keeps nothing itself, so
that a reload, a second tab and a restart of the server go on where it stood. This module does not know how a picture is
drawn, served or kept.
"""

from __future__ import annotations

import html
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from agent_tools.errors import AskmaskError, ConfigError, ToolInputError
from workflows.agent_loop.events import Event
from workflows.conversation import Reply
from workflows.hand_gestures import HandGesture
from workflows.planning.languages import ENGLISH, language_of
from workflows.web import talk
from workflows.web.guard import COOKIE, owner_of
from workflows.web.hands import BY_HAND, UsePicture, read_attached, read_deed
from workflows.web.rooms import Room, Rooms
from workflows.web.stage import sent, stage
from workflows.web.view import view

FIRST = "Drop a photo, or choose an example. Then tell me what to look for: *count the oranges*."
HINT = "Count the oranges · only the top row · blur the rest"
HEARD = "This was heard. Correct it if need be, then press Send."
_HEARKENED = 30
"""Turns among which the language that the visitor writes in is looked for."""
_GONE = "conversation is not here (any more): expected one that was not erased. Reload the page."
_AT_ONCE = 8
"""Requests at work at the same time; the models themselves take turns."""
_TICK = 0.1
"""Seconds between two looks at what a long request is doing."""


@dataclass(frozen=True)
class Told:
    """What the page says of itself.

    Attributes:
        version: of askmask.
        models: which are loaded, as Markdown.
        hear: sound file → the words in it, and what to know about who heard them; None: nothing here can hear.
        looks: what is said when a language model was shown a picture.
    """

    version: str
    models: str
    hear: Callable[[str], tuple[str, tuple[str, ...]]] | None = None
    looks: str = ""


def blocks(rooms: Rooms, told: Told) -> gr.Blocks:
    """The page."""
    page = Page(rooms, told)
    with gr.Blocks(title="askmask", analytics_enabled=False, fill_width=True, delete_cache=(600, 600)) as made:
        gr.Markdown(f"# askmask\n\n{told.models}", elem_classes="models-told")
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=340):
                picture = stage(told.version)
            with gr.Column(scale=2, min_width=320):
                said = gr.Chatbot(
                    label="Conversation",
                    height=430,
                    buttons=[],
                    feedback_options=None,
                    allow_tags=False,
                    render_markdown=False,
                    placeholder=FIRST,
                    elem_id="askmask-talk",
                )
                working = gr.HTML("", elem_classes="working-told", elem_id="askmask-working", padding=False)
                words = gr.Textbox(
                    label="What do you want?",
                    placeholder=HINT,
                    lines=1,
                    max_lines=4,
                    submit_btn="Send",
                    max_length=2000,
                    elem_id="askmask-words",
                )
                stop = gr.Button("Stop", visible=False, elem_id="askmask-stop")
                if told.hear is not None:
                    sound = gr.Audio(
                        label="Or say it",
                        sources=["microphone"],
                        type="filepath",
                        format="wav",
                        editable=False,
                        buttons=[],
                        elem_id="askmask-sound",
                    )
        attached = gr.Textbox(visible=False, elem_id="askmask-attached")
        asked = words.submit(
            page.ask,
            [words, attached],
            [picture, said, words, working, stop],
            js="(words, _) => [words, askmask.attached()]",
            concurrency_limit=_AT_ONCE,
            concurrency_id="talk",
            trigger_mode="multiple",
            show_progress="hidden",
            api_visibility="private",
        )
        stop.click(
            page.stop,
            [attached],
            [said, working, stop],
            js="() => [askmask.attached()]",
            cancels=[asked],
            queue=False,
            api_visibility="private",
        )
        picture.act(
            page.act,
            None,
            [picture, said],
            concurrency_limit=_AT_ONCE,
            concurrency_id="hands",
            trigger_mode="multiple",
            show_progress="hidden",
            api_visibility="private",
        )
        if told.hear is not None:
            sound.stop_recording(
                page.hear, [sound], [words, working, sound], show_progress="minimal", api_visibility="private"
            )
        made.load(page.load, None, [picture, said], show_progress="hidden", api_visibility="private")
    return made


class Page:
    """What happens on the page, for any visitor."""

    def __init__(self, rooms: Rooms, told: Told) -> None:
        self._rooms, self._told = rooms, told

    def load(self, request: gr.Request) -> tuple[Any, Any]:
        """Go on where the visitor's cookie says."""
        room = self._rooms.known(request.request.cookies.get(COOKIE), owner_of(request.request))
        return (_blank(), []) if room is None else self._shown(room)

    def act(self, event: gr.EventData, request: gr.Request) -> tuple[Any, Any]:
        """Do what a hand did on the picture."""
        data = sent(event)
        room = None
        try:
            room = self._room(data.get("conversation"), request)
            deed = read_deed(data.get("deed"))
            picture = str(data["picture"]) if data.get("picture") else None
            if isinstance(deed, UsePicture):
                room.use(deed.handle)
                return self._shown(room)
            reply = room.do(deed.act(), picture, language_of_visitor(room))
            return self._shown(room, reply, focus=deed.focus(reply))
        except AskmaskError as error:
            return self._refused(room, error)

    def ask(self, words: str, attached: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        """Answer a sentence; what was pointed at before comes with it."""
        keep = gr.skip()
        if not words.strip():
            yield keep, keep, "", "", keep
            return
        room = None
        try:
            told = read_attached(attached)
            if not told.conversation:
                raise ToolInputError("picture= is missing: expected a photo to talk about. Drop one on the page first.")
            room = self._room(told.conversation, request)
            before = talk.messages(room.toolkit.history())
            waiting = [*before, {"role": "user", "content": words}]
            yield keep, waiting, "", "Looking ...", gr.update(visible=True)
            work = _Work(room, talk.as_said(words), told.gestures(), told.picture)
            for doing in work.progress():
                yield keep, keep, keep, html.escape(doing), keep
            reply = work.reply()
            picture, said = self._shown(room, reply)
            yield picture, said, keep, html.escape(self._notes(reply)), gr.update(visible=False)
        except AskmaskError as error:
            picture, said = self._refused(room, error)
            yield picture, said, words, "", gr.update(visible=False)

    def stop(self, attached: str, request: gr.Request) -> tuple[Any, str, Any]:
        """End the request that is at work; nothing of it is kept."""
        told = read_attached(attached)
        room = self._rooms.known(told.conversation, owner_of(request.request))
        if room is None:
            return gr.skip(), "", gr.update(visible=False)
        room.talk.cancel()
        return talk.messages(room.toolkit.history()), "Stopped. Nothing was changed.", gr.update(visible=False)

    def hear(self, sound: str | None) -> tuple[Any, str, None]:
        """Write down what was said, for the visitor to correct and send."""
        assert self._told.hear is not None
        if sound is None:
            return gr.skip(), "", None
        try:
            words, notices = self._told.hear(sound)
        except AskmaskError as error:
            return gr.skip(), html.escape(f"Not heard: {error}"), None
        return words, html.escape(" ".join([HEARD, *notices])), None

    def _room(self, conversation: object, request: gr.Request) -> Room:
        try:
            return self._rooms.room(str(conversation or ""), owner_of(request.request))
        except ConfigError:
            raise ToolInputError(_GONE) from None

    def _shown(self, room: Room, reply: Reply | None = None, focus: str | None = None) -> tuple[Any, Any]:
        said = "" if reply is None else talk.as_shown(reply.answer)
        return _stamped(view(room, said, focus)), talk.messages(room.toolkit.history())

    def _refused(self, room: Room | None, error: AskmaskError) -> tuple[Any, Any]:
        trouble = {"trouble": talk.as_shown(str(error))}
        if room is None:
            return _stamped(_blank() | trouble), gr.skip()
        try:
            return _stamped(view(room) | trouble), talk.messages(room.toolkit.history())
        except ConfigError:  # the conversation was erased meanwhile
            return _stamped(_blank() | {"trouble": _GONE}), []

    def _notes(self, reply: Reply) -> str:
        looked = any(event.kind == "check" and "looks at" in event.text for event in reply.trace)
        return self._told.looks if looked else ""


class _Work:
    """A request at work in a thread of its own, and what it says of itself meanwhile."""

    def __init__(self, room: Room, words: str, gestures: tuple[HandGesture, ...], picture: str | None) -> None:
        self._room, self._words, self._gestures, self._picture = room, words, gestures, picture
        self._doing: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._outcome: Reply | BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="askmask-request")

    def progress(self) -> Iterator[str]:
        """What it does, as it does it, until it is done; whoever stops listening stops it."""
        self._thread.start()
        try:
            while self._thread.is_alive():
                self._thread.join(_TICK)
                latest = None
                while not self._doing.empty():
                    latest = self._doing.get()
                if latest is not None and self._thread.is_alive():
                    yield latest
        except GeneratorExit:
            self._room.talk.cancel()
            raise

    def reply(self) -> Reply:
        """What came of it."""
        if isinstance(self._outcome, Reply):
            return self._outcome
        assert self._outcome is not None
        raise self._outcome

    def _run(self) -> None:
        try:
            self._outcome = self._room.ask(self._words, self._gestures, self._picture, self._listen)
        except BaseException as error:  # noqa: BLE001 (told in `reply`, in the thread that asked)
            self._outcome = error

    def _listen(self, event: Event) -> None:
        if event.kind == "tool":
            self._doing.put(f"{event.text} ...")
        elif event.kind == "wait":
            self._doing.put(f"The language model is busy, trying again in {event.text}")


def _blank() -> dict[str, Any]:
    return {
        "conversation": "",
        "said": "",
        "picture": None,
        "focus": None,
        "undo": 0,
        "redo": 0,
        "pictures": [],
        "objects": [],
        "counts": [],
        "edits": [],
    }


def _stamped(value: dict[str, Any]) -> dict[str, Any]:
    """A value that differs from the one before: a browser draws only what has changed."""
    return value | {"stamp": time.monotonic_ns()}


def language_of_visitor(room: Room) -> str:
    """The language in which the visitor last wrote."""
    usual = ENGLISH
    for words, _ in room.toolkit.said(_HEARKENED):
        usual = usual if words.startswith(BY_HAND) else language_of(words, usual)
    return usual
