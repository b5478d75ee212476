"""The command line: options, exit codes and the one line an error gets. What a command does is in `workflows.commands`.

Exit 0: done. 1: an error that a message explains. 2: used the wrong way. 130: interrupted. With ``--json`` an error is
also one object, ``{"error": {"type", "message"}}``, on stdout. Every command imports what it needs when it runs: that
keeps ``--help`` quick. This module does not know models, tools or memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_tools.errors import AskmaskError
from workflows.commands.evaluate import evaluate_app
from workflows.commands.recipes import apply, recipe
from workflows.commands.review import review
from workflows.commands.shelves import count_shelves
from workflows.commands.web import web

if TYPE_CHECKING:
    from agent_tools.memory.records import GestureKind
    from workflows.hand_gestures import HandGesture

EXAMPLE = 'askmask ask "count the oranges" photo.jpg'
_USAGE_ERROR: Any = typer.BadParameter.__base__  # click's or typer's own, as the version has it

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=f"Begin with: askmask demo. Then: {EXAMPLE}",
)
models_app = typer.Typer(help="List the model presets, or fetch one.", invoke_without_command=True)
app.add_typer(models_app, name="models")
conversations_app = typer.Typer(help="List the conversations kept, erase or carry them.", invoke_without_command=True)
app.add_typer(conversations_app, name="conversations")
app.add_typer(evaluate_app, name="evaluate")
app.command("count-shelves")(count_shelves)
app.command("review")(review)
app.command("web")(web)
app.command("recipe")(recipe)
app.command("apply")(apply)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
Models = Annotated[
    str | None, typer.Option(help="Preset demo, fast, base or best, or http://host:port of askmask serve.")
]
Detector = Annotated[str | None, typer.Option(help="Hub id, folder, .pth, file.py:factory, module:factory or entry.")]
Segmenter = Annotated[str | None, typer.Option(help="The same for the segmenter.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu, cuda:n or mps.")]
Llm = Annotated[str | None, typer.Option(help="Language model, such as openai:gpt-5; default: rules, no key.")]
Conversation = Annotated[str | None, typer.Option(metavar="ID", help="Go on with an earlier conversation.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for annotated pictures; default: askmask-out.")]
Look = Annotated[bool, typer.Option("--look", help="Let the language model see drawings that it asks for.")]
Record = Annotated[Path | None, typer.Option(metavar="FILE", help="Take down what the language model answers.")]
Replay = Annotated[Path | None, typer.Option(metavar="FILE", help="Answer from such a recording, without a model.")]
Products = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Product list, .csv or .xlsx, to count shelves by. Repeatable."),
]
Inpaint = Annotated[
    str | None,
    typer.Option("--inpainter", help="What fills holes: patches, opencv, lama:FILE.onnx, diffusers:REPO, yours."),
]
Metadata = Annotated[
    bool, typer.Option("--keep-metadata", help="Edited pictures keep what their files tell of camera, place and time.")
]
Trace = Annotated[bool, typer.Option("--trace", help="Show what happened, step by step, on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Pictures = Annotated[list[str] | None, typer.Argument(metavar="PICTURE...", help="Files or folders.")]
Clicks = Annotated[
    list[str] | None, typer.Option(metavar="X,Y", help="Point at a pixel; not:X,Y: it does not belong. Repeatable.")
]
Boxes = Annotated[list[str] | None, typer.Option(metavar="X0,Y0,X1,Y1", help="Draw a box, likewise.")]
Strokes = Annotated[list[str] | None, typer.Option(metavar='"X,Y X,Y ..."', help="Scribble along places, likewise.")]
Polygons = Annotated[list[str] | None, typer.Option(metavar='"X,Y X,Y X,Y ..."', help="Draw an outline, likewise.")]
Speak = Annotated[Path | None, typer.Option(metavar="FILE", help="A sound file in which the request is spoken.")]
Request = Annotated[str, typer.Argument(metavar="REQUEST", help="What you want to know, in your words.")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Ask a picture in plain words; get masks, counts and a conversation that remembers them."""
    if version:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as version_of

        try:
            typer.echo(f"askmask {version_of('askmask')}")
        except PackageNotFoundError:
            typer.echo("askmask, run from its source folder and not installed")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def ask(
    request: Annotated[
        str | None, typer.Argument(metavar="REQUEST", help="What you want to know, in your words; none with --speak.")
    ] = None,
    pictures: Pictures = None,
    speak: Speak = None,
    json: Json = False,
    models: Models = None,
    detector: Detector = None,
    segmenter: Segmenter = None,
    device: Device = None,
    llm: Llm = None,
    conversation: Conversation = None,
    click: Clicks = None,
    box: Boxes = None,
    stroke: Strokes = None,
    polygon: Polygons = None,
    products: Products = None,
    inpainter: Inpaint = None,
    keep_metadata: Metadata = False,
    out: Out = None,
    look: Look = False,
    record: Record = None,
    replay: Replay = None,
    trace: Trace = False,
    debug: Debug = False,  # noqa: ARG001 (read by main, before parsing)
) -> None:
    """Answer one request about pictures."""
    from workflows.commands import asking
    from workflows.commands.session import Choice

    gestures = _gestures(point=click, box=box, stroke=stroke, polygon=polygon)
    if speak is None:
        _check_request(request or "", empty_is_fine=bool(gestures) and request is not None)
    elif request is not None:  # then all that stands there is pictures
        pictures = [request, *(pictures or [])]
    _check_pictures(pictures, conversation)
    asking.ask(
        speak or request or "",
        pictures or [],
        Choice(
            *(models, detector, segmenter, device, llm, look, record, replay, tuple(products or ())),
            inpainter=inpainter,
            keep_metadata=keep_metadata,
        ),
        conversation=conversation,
        gestures=gestures,
        out=out,
        shape=asking.Shape(json, trace),
    )


@app.command()
def chat(
    pictures: Pictures = None,
    script: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A line a turn; gestures before words: @x,y text.")
    ] = None,
    speak: Speak = None,
    json: Json = False,
    models: Models = None,
    detector: Detector = None,
    segmenter: Segmenter = None,
    device: Device = None,
    llm: Llm = None,
    conversation: Conversation = None,
    products: Products = None,
    inpainter: Inpaint = None,
    keep_metadata: Metadata = False,
    out: Out = None,
    look: Look = False,
    record: Record = None,
    replay: Replay = None,
    trace: Trace = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Talk about pictures, line by line; --json prints one object a turn."""
    from workflows.commands import asking
    from workflows.commands.session import Choice

    _check_pictures(pictures, conversation)
    failed = asking.chat(
        pictures or [],
        Choice(
            *(models, detector, segmenter, device, llm, look, record, replay, tuple(products or ())),
            inpainter=inpainter,
            keep_metadata=keep_metadata,
        ),
        conversation=conversation,
        script=script,
        out=out,
        shape=asking.Shape(json, trace),
        speak=speak,
    )
    if failed and (script is not None or not sys.stdin.isatty()):
        raise typer.Exit(1)


@app.command()
def demo(
    seed: Annotated[int | None, typer.Option(min=0, help="Another scene.")] = None,
    json: Json = False,
    models: Models = None,
    detector: Detector = None,
    segmenter: Segmenter = None,
    device: Device = None,
    llm: Llm = None,
    out: Out = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Ask about a rendered scene and check the answer; no key, no download."""
    from workflows.commands import demo as showing
    from workflows.commands.session import Choice

    choice = Choice(models, detector, segmenter, device, llm)
    showing.demo(choice, showing.SEED if seed is None else seed, out, as_json=json)


@app.command()
def plan(
    request: Request,
    context: Annotated[Path | None, typer.Option(metavar="FILE", help="What is known already, as JSON.")] = None,
    json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show the calls a request would make; runs nothing."""
    from workflows.commands import planning_ahead

    _check_request(request)
    planning_ahead.plan(request, context, as_json=json)


@models_app.callback()
def models_root(context: typer.Context, json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """List the model presets, or fetch one."""
    if context.invoked_subcommand is None:
        models_list(json)


@models_app.command("list")
def models_list(json: Json = False) -> None:
    """Show the presets, which are on this machine, and the default."""
    from workflows.commands import models as presets

    presets.listing(as_json=json)


@models_app.command("get")
def models_get(
    preset: Annotated[str, typer.Argument(metavar="PRESET", help="fast, base, best or demo.")],
    json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Download a preset and make it the default."""
    from workflows.commands import models as presets

    presets.get(preset, as_json=json)


@conversations_app.callback()
def conversations_root(context: typer.Context, json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """List the conversations kept, erase them, or carry them to another machine."""
    if context.invoked_subcommand is None:
        conversations_list(json)


@conversations_app.command("list")
def conversations_list(json: Json = False) -> None:
    """Show the conversations kept: when, turns, pictures, their size on disk, last words."""
    from workflows.commands import conversations

    conversations.listing(as_json=json)


@conversations_app.command("forget")
def conversations_forget(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Those to erase.")] = None,
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0, help="Those not used for so many days.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Erase conversations for good, with pictures that no other one shows."""
    from workflows.commands import conversations

    if not ids and older_than is None:
        raise _USAGE_ERROR("ID is missing: expected conversations to erase, or --older-than DAYS. See the list first.")
    if not yes and not sys.stdin.isatty():
        raise _USAGE_ERROR("--yes is missing: expected it where nobody can be asked. Add it to erase for good.")
    ask_first = None if yes else lambda question: typer.confirm(question, err=True)
    conversations.forget(ids or [], older_than, ask_first, as_json=json)


@conversations_app.command("export")
def conversations_export(
    conversation: Annotated[str, typer.Argument(metavar="ID")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, such as talk.zip.")],
    json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Write a conversation to one file, undo and redo included."""
    from workflows.commands import conversations

    conversations.export(conversation, file, as_json=json)


@conversations_app.command("import")
def conversations_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What export wrote.")],
    json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Take in a conversation from a file; every part of it is checked."""
    from workflows.commands import conversations

    conversations.bring(file, as_json=json)


@app.command()
def export(
    conversation: Annotated[str, typer.Argument(metavar="ID", help="Of a conversation.")],
    kind: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="coco, coco-panoptic, yolo-detect, yolo-segment, label-studio, csv, masks, label-maps, edges, "
            "cut-outs.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new or empty folder.")],
    everything: Annotated[bool, typer.Option("--all", help="All objects, not only the selection.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of an earlier export.")] = False,
    json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Take what a conversation found to another program."""
    from workflows.commands import exports

    exports.export(conversation, kind, out, everything=everything, replace=replace, as_json=json)


@app.command()
def mcp(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="FOLDER...", help="From which agents may open pictures.")
    ] = None,
    http: Annotated[bool, typer.Option("--http", help="Over streamable HTTP; else stdin and stdout.")] = False,
    host: Annotated[str, typer.Option(help="Address for --http; beyond this machine ASKMASK_MCP_TOKEN.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port for --http; 0: any.")] = 8765,
    name: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="By which others reach this machine. Repeatable.")
    ] = None,
    models: Models = None,
    detector: Detector = None,
    segmenter: Segmenter = None,
    device: Device = None,
    conversation: Conversation = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Serve the tools to agents by the Model Context Protocol."""
    from workflows.commands import serving
    from workflows.commands.session import Choice

    if http and conversation is not None:
        raise _USAGE_ERROR("--conversation is for one client: expected it without --http. Leave one of them out.")
    place = serving.Place(host, port, tuple(name or ())) if http else None
    serving.mcp(folders or [], Choice(models, detector, segmenter, device), place, conversation)


@app.command()
def serve(
    models: Models = None,
    detector: Detector = None,
    segmenter: Segmenter = None,
    device: Device = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this machine ASKMASK_SERVE_KEYS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any.")] = 8000,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster; default: Ray is started here.")] = None,
    detector_replicas: Annotated[str, typer.Option(metavar="MIN:MAX", help="Copies of the detector.")] = "1",
    segmenter_replicas: Annotated[str, typer.Option(metavar="MIN:MAX", help="Copies of the segmenter.")] = "1",
    cpus_per_replica: Annotated[float, typer.Option(min=0, help="Processors that a copy takes.")] = 1.0,
    gpus_per_replica: Annotated[
        float | None, typer.Option(min=0, help="Share of a GPU that a copy takes; default: what there is, divided.")
    ] = None,
    queue: Annotated[
        int | None, typer.Option(min=1, help="Questions that may wait for a model; more are told when.")
    ] = None,
    write_config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a file for serve deploy, and serve nothing.")
    ] = None,
    write_manifest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a KubeRay manifest, and serve nothing.")
    ] = None,
    image: Annotated[str | None, typer.Option(help="Container image for the manifest.")] = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Serve the models over HTTP with Ray Serve; use them with --models http://..."""
    from workflows.commands import model_server
    from workflows.commands.session import Choice

    choice = Choice(models, detector, segmenter, device)
    layout = model_server.Layout(detector_replicas, segmenter_replicas, cpus_per_replica, gpus_per_replica, queue)
    if image is not None and write_manifest is None:
        raise _USAGE_ERROR("--image is for a manifest: expected --write-manifest too. Leave it out, or add that.")
    if write_config is None and write_manifest is None:
        model_server.serve(choice, layout, host, port, address)
    else:
        model_server.write_files(choice, layout, host, port, write_config, write_manifest, image)


@app.command()
def doctor(json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """Check the installation and say what to do about what is missing."""
    from workflows.commands import doctor as examination

    if not examination.doctor(as_json=json):
        raise typer.Exit(1)


def _gestures(**given: list[str] | None) -> list[HandGesture]:
    """What the options of each kind draw.

    Raises:
        UsageError: one of them draws nothing.
    """
    from workflows.hand_gestures import read_gesture

    kinds: tuple[GestureKind, ...] = ("point", "box", "stroke", "polygon")
    try:
        return [read_gesture(text, kind) for kind in kinds for text in given[kind] or ()]
    except ValueError as error:
        raise _USAGE_ERROR(str(error)) from None


def _check_request(request: str, empty_is_fine: bool = False) -> None:
    if not request.strip() and not empty_is_fine:
        raise _USAGE_ERROR(f"REQUEST='' is empty: expected a sentence. Try {EXAMPLE}.")


def _check_pictures(pictures: Sequence[str] | None, conversation: str | None) -> None:
    if not pictures and conversation is None:
        raise _USAGE_ERROR(f"PICTURE is missing: expected a picture, or --conversation ID. Try {EXAMPLE}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug, as_json = "--debug" in given, "--json" in given
    share_the_machine()
    _quiet(debug)
    try:
        code = app(given, prog_name="askmask", standalone_mode=False)
    except _USAGE_ERROR as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "askmask"
        return _failed(error.format_message(), 2, f"See {command} --help.", as_json, "UsageError")
    except AskmaskError as error:
        if debug:
            raise
        return _failed(str(error), 1, "", as_json, type(error).__name__)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except Exception as error:
        if debug:
            raise
        fault = f"{type(error).__name__}: {error}"
        return _failed(fault, 1, "This is a defect of askmask; --debug shows where.", as_json, type(error).__name__)
    return code if isinstance(code, int) else 0


def _failed(message: str, code: int, step: str, as_json: bool, kind: str) -> int:
    from workflows.commands.terminal import note, result_json

    note(f"{message} {step}".strip())
    if as_json:
        result_json({"error": {"type": kind, "message": message}})
    return code


def share_the_machine() -> None:
    """Have torch's threads sleep while they wait, unless the environment says otherwise; call it before torch loads.

    Spinning, their default, keeps the cores from everything that is not torch: from our own work between two layers,
    and from other people's. Where the machine is shared it slows torch itself down too.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _quiet(debug: bool) -> None:
    """Libraries report to nobody and say nothing of their own; a picture's odd name never breaks printing."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if not debug:
        import warnings

        warnings.simplefilter("ignore")


if __name__ == "__main__":
    sys.exit(main())
