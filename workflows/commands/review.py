"""`askmask review`: a person goes through the doubtful pictures of a run, on a page of this machine.

This module does not know how the page works.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agent_tools.services.base import Services
    from workflows.shelf_count.review_queue import Review, Waiting
    from workflows.shelf_count.store import RunStore


def review(
    folder: Annotated[Path, typer.Argument(metavar="RUN_FOLDER", help="What count-shelves wrote.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page; 0: any.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the page's address.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every picture, not only the doubtful ones.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="Print the queue; open no page.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Put doubtful counts right, the most doubtful first; tables and report follow."""
    from workflows.commands.terminal import note, result, result_json
    from workflows.shelf_count.review_queue import Review, waiting
    from workflows.shelf_count.store import RunStore

    with RunStore.open(folder) as store:
        if listing:
            _print(waiting(store, everything=everything), as_json=json)
            return
        going = Review(store, everything=everything)
        if not going.queue:
            note("nothing waits for review; --all shows every picture")
        else:
            _serve(going, port, no_browser)
        files = _write(folder, store) if going.touched else []
    if json:
        result_json({"saved": going.saved, "files": [str(path.absolute()) for path in files]})
    else:
        pictures = "1 picture" if going.saved == 1 else f"{going.saved} pictures"
        result(f"Saved: {pictures}. Made anew: {', '.join(str(path) for path in files) or 'nothing'}")


def _print(queue: list[Waiting], *, as_json: bool) -> None:
    from workflows.commands.terminal import result, result_json

    if as_json:
        result_json([asdict(each) for each in queue])
        return
    for each in queue:
        place = ", ".join(part for part in (each.store, each.shelf) if part)
        result(f"{each.doubt:4.0%}  {each.picture}" + (f"  ({place})" if place else ""))
        result(f"      {'; '.join([*each.counts, *each.why]) or 'nothing is doubtful'}")
    if not queue:
        result("Nothing waits for review.")


def _serve(going: Review, port: int, no_browser: bool) -> None:
    """Until the person ends the review on the page, or here with Ctrl-C."""
    import webbrowser

    from workflows.commands.terminal import note
    from workflows.shelf_count.review import ReviewServer

    with ReviewServer(going, port) as server:
        note(f"{len(going.queue)} pictures to review at {server.url} (Ctrl-C ends)")
        if not no_browser:
            webbrowser.open(server.url)
        try:
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            note("review ended")


def _write(folder: Path, store: RunStore) -> list[Path]:
    from workflows.commands.terminal import working
    from workflows.shelf_count.report import write_report
    from workflows.shelf_count.tables import write_tables

    with working("writing tables and report"):
        return [*write_tables(folder, store), write_report(folder, store, _services(store.models))]


def _services(models: dict[str, str]) -> Services | None:
    """The models of the run, for the masks of the report; None, with a notice, where they cannot be had here."""
    from agent_tools.errors import AskmaskError
    from agent_tools.services.presets import load_services
    from workflows.commands.terminal import note

    preset = models.get("preset", "custom")
    own = {role: models[role] for role in ("detector", "segmenter") if models.get(role, preset) != preset}
    try:
        return load_services(None if preset == "custom" else preset, **own)
    except AskmaskError as error:
        note(f"the report has boxes and no masks: {error}")
        return None
