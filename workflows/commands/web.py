"""`askmask web`: the page, in the browser of this machine or of those who log in.

This module does not know how the page works.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent_tools.errors import ConfigError

if TYPE_CHECKING:
    from agent_tools.toolkit import VisionToolkit
    from workflows.commands.session import Choice
    from workflows.conversation import Conversation
    from workflows.web.page import Told

_SHORTEST_PASSWORD = 8


def web(
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine logins are wanted.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any free one.")] = 7860,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="By which browsers elsewhere call this machine. Repeatable."),
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the page's address.")] = False,
    models: Annotated[str | None, typer.Option(help="Preset demo, fast, base or best, or http://host:port.")] = None,
    detector: Annotated[str | None, typer.Option(help="In place of the preset's.")] = None,
    segmenter: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda:n or mps.")] = None,
    llm: Annotated[
        str | None, typer.Option(help="Language model, such as openai:gpt-5; default: rules, no key.")
    ] = None,
    look: Annotated[bool, typer.Option("--look", help="Let the language model see drawings that it asks for.")] = False,
    products: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Product list to count shelves by. Repeatable.")
    ] = None,
    inpainter: Annotated[
        str | None, typer.Option(help="What fills holes: patches, opencv, lama:FILE.onnx, diffusers:REPO, yours.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Open the page: talk about pictures, click, edit, undo, in the browser."""
    from agent_tools.memory import Memory
    from agent_tools.settings import settings
    from agent_tools.toolkit import SharedModels
    from workflows.commands.session import Choice
    from workflows.commands.terminal import note, working

    _check_installed()
    choice = Choice(models, detector, segmenter, device, llm, look, products=tuple(products or ()))
    if notice := choice.notice():
        note(notice)
    rules = settings()
    shared = SharedModels(models, detector=detector, segmenter=segmenter, device=device, inpainter=inpainter)
    with Memory() as memory:
        with working("starting"):
            from workflows.web.rooms import Limits, Rooms
            from workflows.web.server import Place, serve

            shared.load()
        limits = Limits(pictures=rules.web_pictures, waiting=rules.max_waiting, keep_days=rules.web_keep_days)
        rooms = Rooms(memory, shared, limits, lambda toolkit: _conversation(toolkit, choice))
        place = Place(host, port, tuple(name or ()), _logins(), rules.max_file_megabytes)
        serve(rooms, _told(choice), place, lambda address: _open(address, no_browser))


def _check_installed() -> None:
    import importlib.util

    if importlib.util.find_spec("gradio") is None:
        raise ConfigError(
            "gradio= is not installed: expected the library of the page. Run pip install 'askmask[web]' and try again."
        )


def _conversation(toolkit: VisionToolkit, choice: Choice) -> Conversation:
    from agent_tools.settings import settings
    from workflows.conversation import Conversation

    for path in choice.products:
        toolkit.offer_products(path)
    return Conversation(toolkit, choice.llm or settings().llm, look=choice.look)


def _told(choice: Choice) -> Told:
    """What the page says of models, language model and hearing."""
    from agent_tools.settings import settings
    from workflows.planning.chat_model import model_name
    from workflows.web.page import Told

    names = choice.names()
    which = names["preset"] if names["preset"] != "custom" else f"{names['detector']} and {names['segmenter']}"
    said = [f"Models: **{which}**."]
    if "demo" in (names["detector"], names["segmenter"]):
        said.append(
            "The bundled models know rendered scenes of everyday things, not your photos. "
            "For photos: `askmask models get base`, then start again."
        )
    planner = choice.llm or settings().llm
    looks = ""
    if planner:
        said.append(f"Language model: **{model_name(planner)}**; it gets your words and what was found.")
        said.append("It may ask to see a small copy." if choice.look else "Pictures do not leave this machine.")
        looks = f"{model_name(planner)} was shown a small copy of the picture."
    else:
        said.append("Pictures and words stay on this machine.")
    return Told(_version(), " ".join(said), _hearing(), looks)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("askmask")
    except PackageNotFoundError:
        return "source"


def _hearing() -> Callable[[str], tuple[str, tuple[str, ...]]] | None:
    """What writes down a recording; None where nothing here can hear."""
    from workflows.speech.hearing import available, hear

    if available() is None:
        return None

    def written_down(sound: str) -> tuple[str, tuple[str, ...]]:
        heard = hear(Path(sound))
        return heard.text, heard.notices

    return written_down


def _logins() -> dict[str, str]:
    """Name → password, of ``ASKMASK_WEB_LOGINS``.

    Raises:
        ConfigError: one of them is no name and password.
    """
    from agent_tools.settings import settings

    logins = {}
    for each in settings().web_logins:
        name, _, password = each.get_secret_value().partition(":")
        if not name or len(password) < _SHORTEST_PASSWORD:
            raise ConfigError(
                f"ASKMASK_WEB_LOGINS=(hidden) holds a login without a name or with a short password: expected "
                f"name:password with {_SHORTEST_PASSWORD} characters or more. Correct it."
            )
        logins[name] = password
    return logins


def _open(address: str, no_browser: bool) -> None:
    import webbrowser

    from workflows.commands.terminal import note

    note(f"the page is at {address} (Ctrl-C ends)")
    if not no_browser:
        webbrowser.open(address)
