"""`askmask ask` and `askmask chat`: requests in, answers out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_tools.errors import AskmaskError, ConfigError, shorten
from workflows.commands import hearing
from workflows.commands.session import Choice, Outcome, Session, session
from workflows.commands.terminal import note, result, result_json, working
from workflows.hand_gestures import HandGesture, typed_gestures

if TYPE_CHECKING:
    from agent_tools.pictures import Picture
    from workflows.agent_loop.events import Event, Listener
    from workflows.speech.hearing import Heard

HELP = """Type what you want to know, for example: count the oranges · only the top row · undo
  @x,y words   the words, with a click at pixel x, y; more of them, and other gestures, in the same way:
  @x0,y0,x1,y1 a box · @stroke:x,y;x,y · @polygon:x,y;x,y;x,y · @not:x,y what does not belong
  :speak FILE   what is said in a sound file; gestures may come before it too
  :undo  :redo  :help  :quit"""
_COMMANDS = {":undo": "undo", ":redo": "redo"}
_SPEAK = ":speak"


@dataclass(frozen=True)
class Shape:
    """How outcomes are shown: as JSON, and with what happened, step by step."""

    json: bool = False
    trace: bool = False


def ask(
    request: str | Path,
    sources: Sequence[str],
    choice: Choice,
    *,
    conversation: str | None,
    gestures: Sequence[HandGesture],
    out: Path | None,
    shape: Shape,
) -> None:
    """Answer one request about the pictures, or about the current one of an earlier conversation.

    Args:
        request: what is asked: in words, or the file that it is spoken in.
        sources: pictures and folders.
        choice: which models.
        conversation: id of an earlier one to go on with.
        gestures: what the hand did on the picture.
        out: folder for annotated pictures.
        shape: how the outcome is shown.
    """
    notice = choice.notice()
    heard = hearing.listen(request) if isinstance(request, Path) else None
    if heard is not None and not heard.text:
        return
    check_products(choice)
    pictures = opened(sources)
    if notice:
        note(notice)
    with session(choice, conversation, out) as talk:
        handles = talk.open(pictures)
        with working("looking") as say:
            words = str(request) if heard is None else heard.text
            outcome = talk.ask(words, pictures=handles, gestures=gestures, on_event=_progress(say))
        show(outcome, shape, heard=heard)
        if not shape.json:
            note(f"go on with: askmask ask REQUEST --conversation {talk.id}")


def chat(
    sources: Sequence[str],
    choice: Choice,
    *,
    conversation: str | None,
    script: Path | None,
    out: Path | None,
    shape: Shape,
    speak: Path | None = None,
) -> int:
    """Answer line after line, from a person or a script, a spoken request first; how many turns failed."""
    notice = choice.notice()
    lines = _script(script) if script else _typed()
    check_products(choice)
    pictures = opened(sources)
    if notice:
        note(notice)
    failed = 0
    with session(choice, conversation, out) as talk:
        talk.open(pictures)
        note(f"conversation {talk.id}")
        for line in chain([f"{_SPEAK} {speak}"] if speak else [], lines):
            if line == ":quit":
                break
            failed += not _turn(talk, line, shape, ask_first=script is None)
    return failed


def opened(sources: Sequence[str]) -> list[Picture]:
    """Open pictures, decode them, and pass on what a person should know about them."""
    from agent_tools.pictures import open_picture, open_pictures

    pictures = [open_picture(picture) for picture in open_pictures(list(sources))]
    for picture in pictures:
        if picture.notices:
            note(f"{picture.name}: {'; '.join(picture.notices)}")
    return pictures


def check_products(choice: Choice) -> None:
    """Read the product lists before any model is loaded, and pass on what a person should know about them.

    Raises:
        ConfigError: one cannot be read.
    """
    from agent_tools.shelves.product_lists import read_products

    for path in choice.products:
        for notice in read_products(path).notices:
            note(f"{path.name}: {notice}")


def show(outcome: Outcome, shape: Shape, request: str | None = None, heard: Heard | None = None) -> None:
    """Print an outcome; JSON of a chat says which request it answers, and of a spoken one what was heard."""
    if shape.trace:
        for event in outcome.reply.trace:
            note(event.line())
        note("seconds " + " · ".join(f"{name} {seconds:.3f}" for name, seconds in outcome.reply.seconds.items()))
        for kind, counts in outcome.reply.cache.items():
            note(f"cache {kind}: {counts['hits']} known, {counts['misses']} worked out")
    if shape.json:
        told = outcome.as_json()
        if shape.trace:
            told["trace"] = [event.as_json() for event in outcome.reply.trace]
        if heard is not None:
            told["heard"] = {"text": heard.text, "recogniser": heard.recogniser}
        result_json(told if request is None else {"request": request, **told})
        return
    result(outcome.reply.answer)
    for handle, path in outcome.pictures.items():
        result(f"{'Edited picture' if handle in outcome.edited else 'Picture'}: {path}")


def error_json(error: BaseException) -> dict[str, Any]:
    """What ``--json`` prints in place of a result."""
    return {"error": {"type": type(error).__name__, "message": str(error)}}


def parse_line(line: str) -> tuple[str, tuple[HandGesture, ...]]:
    """The request of a line and the gestures before it.

    Raises:
        ConfigError: a line that begins with @ or : and is neither a gesture nor a command.
    """
    if line in _COMMANDS:
        return _COMMANDS[line], ()
    if line.startswith(":") and line.partition(" ")[0] != _SPEAK:
        raise ConfigError(
            f"line={shorten(line)} is not a command: expected :speak FILE, :undo, :redo, :help or :quit. Use one."
        )
    try:
        return typed_gestures(line)
    except ValueError as error:
        raise ConfigError(f"line={error}") from None


def _turn(talk: Session, line: str, shape: Shape, *, ask_first: bool = False) -> bool:
    """Answer one line; whether that went well. An error ends the turn, not the conversation."""
    if line == ":help":
        print(HELP, file=sys.stderr)
        return True
    try:
        request, gestures = parse_line(line)
        heard = _spoken(request, ask_first=ask_first)
        if heard is not None:
            if not heard.text:
                return True
            request = heard.text
        with working("looking") as say:
            outcome = talk.ask(request, gestures=gestures, on_event=_progress(say))
        show(outcome, shape, line, heard)
    except AskmaskError as error:
        note(str(error))
        if shape.json:
            result_json({"request": line, **error_json(error)})
        return False
    return True


def _spoken(request: str, *, ask_first: bool) -> Heard | None:
    """What is said in the file that a request names with :speak, None for one in words."""
    command, _, file = request.partition(" ")
    if command != _SPEAK:
        return None
    if not file.strip():
        raise ConfigError(f"line={command} names no file: expected :speak FILE. Name a sound file.")
    return hearing.listen(Path(file.strip()).expanduser(), ask_first=ask_first)


def _progress(say: Callable[[str], None]) -> Listener:
    """Tells a person who waits what is going on."""

    def listen(event: Event) -> None:
        if event.kind == "wait":
            note(f"trying again in {event.text}")
        elif event.kind == "tool":
            say(event.text)

    return listen


def _script(path: Path) -> list[str]:
    """The lines of a script; empty ones and those that begin with # are left out."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(
            f"script={shorten(path)} cannot be read ({reason}): expected a text file, a line a turn. Check the path."
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _typed() -> Iterator[str]:
    """Lines as a person types them, with a prompt; or as they come through a pipe."""
    interactive = sys.stdin.isatty()
    if interactive:
        with suppress(ImportError):
            import readline  # noqa: F401 (gives input() editing and history)
        print(HELP, file=sys.stderr)
    while True:
        try:
            line = input("> " if interactive else "").strip()
        except EOFError:
            return
        if line:
            yield line
