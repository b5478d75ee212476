"""`askmask recipe` and `askmask apply`: what was done to one picture, done to a folder of others.

An edited picture is written beside nothing of yours, under a name of its own; what is done already with the same recipe
is not done again. This module does not know how a step finds its things or changes pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent_tools.errors import ConfigError, PictureError, shorten

if TYPE_CHECKING:
    from agent_tools.pictures import Picture
    from workflows.photo_edit import Recipe

DONE = "askmask-apply.jsonl"
"""Which pictures were done by which recipe, a line each."""
_LARGEST = 1_000_000


def recipe(
    conversation: Annotated[str, typer.Argument(metavar="CONVERSATION", help="Where the picture was edited.")],
    picture: Annotated[str | None, typer.Option(metavar="p1", help="Which picture; default: the current.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Print the edits of a conversation as a recipe: askmask recipe ID > blur.json."""
    from agent_tools.memory import Memory
    from workflows.commands.terminal import note, result
    from workflows.photo_edit import recipe_of

    with Memory() as memory:
        made = recipe_of(memory.state(conversation), memory.history(conversation), picture)
    for number, step in enumerate(made.steps, start=1):
        if step.note:
            note(f"step {number}, {step.action}: {step.note}")
    result(made.text().rstrip())


def apply(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="What askmask recipe printed.")],
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURE...", help="Files or folders.")],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for results; default: askmask-out.")] = None,
    background: Annotated[Path | None, typer.Option(metavar="FILE", help="The picture to put behind.")] = None,
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep what the files tell of camera, place and time.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Also those that are done already.")] = False,
    models: Annotated[str | None, typer.Option(help="Preset demo, fast, base or best, or http://host:port.")] = None,
    detector: Annotated[str | None, typer.Option(help="In place of the preset's.")] = None,
    segmenter: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda:n or mps.")] = None,
    inpainter: Annotated[
        str | None, typer.Option(help="What fills holes: patches, opencv, lama:FILE.onnx, diffusers:REPO, yours.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Do a recipe's edits to other pictures; the originals stay as they are."""
    from agent_tools.pictures import open_picture
    from agent_tools.toolkit import SharedModels
    from workflows.commands.session import OUT, Choice
    from workflows.commands.terminal import note, result, result_json

    made = _read(recipe)
    behind = None if background is None else open_picture(background)
    if (notice := Choice(models, detector, segmenter, device).notice()) is not None:
        note(notice)
    shared = SharedModels(models, detector=detector, segmenter=segmenter, device=device, inpainter=inpainter)
    lines = []
    for line in _applied(made, pictures, OUT if out is None else out, behind, shared, again, keep_metadata):
        lines.append(line)
        if not json:
            result(_in_words(line))
    failed = sum("error" in line for line in lines)
    if json:
        result_json(lines)
    if failed:
        raise PictureError(
            f"pictures={failed} of {len(lines)} could not be done: expected none. See their lines; the others are done."
        )


def _read(path: Path) -> Recipe:
    from workflows.photo_edit import read_recipe

    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(_LARGEST + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(
            f"recipe={shorten(path)} cannot be read ({reason}): expected a file that askmask recipe wrote. "
            "Check the path."
        ) from None
    return read_recipe(text[:_LARGEST], path.name)


def _applied(
    made: Recipe,
    named: Sequence[str],
    out: Path,
    behind: Picture | None,
    shared: Any,
    again: bool,
    keep_metadata: bool,
) -> Iterator[dict[str, Any]]:
    """A line for each picture, as soon as it is done."""
    from agent_tools.decoding import exif_of
    from agent_tools.memory import Memory
    from agent_tools.pictures import open_picture, sources_in
    from agent_tools.toolkit import VisionToolkit
    from workflows.commands.session import write_new
    from workflows.commands.terminal import counting
    from workflows.photo_edit import apply_recipe

    sources = sources_in(list(named))
    done = {} if again else _done(out, made)
    with counting("pictures", len(sources)) as count:
        for source in sources:
            line: dict[str, Any] = {"picture": str(source)}
            try:
                picture = open_picture(source)
                known = done.get(picture.digest)
                if known is not None and (out / known).is_file():
                    yield line | {"file": str(out / known), "done_before": True}
                    continue
                with Memory.temporary() as memory:
                    toolkit = VisionToolkit(services=shared, memory=memory)
                    applied = apply_recipe(made, toolkit, picture, behind)
                    line |= {"done": applied.done, "left_out": applied.left_out}
                    if applied.done:
                        name = f"{Path(picture.name).stem}-edited.png"
                        exif = exif_of(picture.original, picture.name) if keep_metadata else b""
                        path = write_new(out, name, toolkit.edited().png(exif), ".png")
                        line["file"] = str(path)
                        _note_done(out, picture.digest, made, path)
            except PictureError as error:
                line["error"] = str(error)
            finally:
                count()
            yield line


def _done(out: Path, made: Recipe) -> dict[str, str]:
    """Digest of a picture → the file that this recipe made of it."""
    try:
        lines = (out / DONE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    known = {}
    for line in lines:
        try:
            told = json.loads(line)
            if told["recipe"] == made.digest:
                known[str(told["picture"])] = Path(str(told["file"])).name
        except (ValueError, KeyError, TypeError):  # a line that a crash cut off
            continue
    return known


def _note_done(out: Path, digest: str, made: Recipe, path: Path) -> None:
    line = json.dumps({"picture": digest, "recipe": made.digest, "file": path.name})
    try:
        with (out / DONE).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise ConfigError(
            f"out={shorten(out)} cannot be written ({error.strerror or error}): expected a folder of yours. "
            "Make room, or name another with --out DIR."
        ) from error


def _in_words(line: dict[str, Any]) -> str:
    name = Path(line["picture"]).name
    if "error" in line:
        return f"{name}: {line['error']}"
    if line.get("done_before"):
        return f"{name}: done before, {line['file']}"
    said = [*line["done"], *(f"left out: {each}" for each in line["left_out"])]
    return f"{name}: {'; '.join(said)}" + (f". {line['file']}" if "file" in line else ". Nothing to do.")
