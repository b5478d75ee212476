"""`askmask evaluate`: measurements of the whole product, each a subcommand. Loads nothing before one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

evaluate_app = typer.Typer(help="Measure the product on requests and scenes with known answers.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@evaluate_app.command("planner")
def planner(
    requests: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Requests with the calls they should make; default: the repository's sets."),
    ] = None,
    llm: Annotated[str | None, typer.Option(help="Language model that plans; default: rules, no key.")] = None,
    json: Json = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Plan each request and compare the calls; nothing is run. Of a language model, its first calls count."""
    from workflows.commands.terminal import result_json
    from workflows.planner_evaluation import evaluate, planner_of, request_files, summary
    from workflows.planning.chat_model import model_name

    files = request_files(requests or [])
    figures = {
        **summary(evaluate(files, planner_of(llm))),
        "planner": model_name(llm),
        "files": [path.name for path in files],
    }
    result_json(figures) if json else _show_plans(figures)


def _show_plans(figures: dict[str, Any]) -> None:
    """Shares right by language and by kind, and every request planned wrongly."""
    from workflows.commands.terminal import result

    for title in ("by_language", "by_kind"):
        for name, part in figures[title].items():
            result(f"{name:<18} {part['requests']:5} requests  {part['right']:6.1%} right")
        result("")
    result(f"{'all':<18} {figures['requests']:5} requests  {figures['right']:6.1%} right, by {figures['planner']}")
    result(f"{figures['median_ms']:.1f} ms a request (median), {figures['worst_ms']:.1f} at most")
    for miss in figures["misses"]:
        result(f"wrong: {miss['language']}, {miss['request']!r} ({miss['context'] or 'nothing known'})")
        result(f"       expected {miss['expected']}\n       got      {miss['got']}")
