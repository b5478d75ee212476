"""`askmask evaluate`: measurements of the whole product, each a subcommand. Loads nothing before one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

evaluate_app = typer.Typer(help="Measure the product on requests and scenes with known answers.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@evaluate_app.command("conversation")
def conversation(
    scenes: Annotated[int, typer.Option(min=1, help="Conversations, each about one rendered scene.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Counted from the first evaluation seed.")] = 0,
    world: Annotated[Literal["plain", "full"], typer.Option(help="Which scenes.")] = "full",
    llm: Annotated[str | None, typer.Option(help="Language model that plans; default: rules, no key.")] = None,
    models: Annotated[str, typer.Option(help="Model preset.")] = "demo",
    detector: Annotated[str | None, typer.Option(help="In place of the preset's.")] = None,
    segmenter: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda:n or mps.")] = None,
    json: Json = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,  # noqa: ARG001
) -> None:
    """Find, correct, refer back, edit and undo on rendered scenes; each turn against its exact answer."""
    from agent_tools.services.presets import load_services
    from workflows.commands.terminal import note, result_json
    from workflows.conversation_evaluation import evaluate, summary
    from workflows.demo_models.evaluate import WORLDS

    services = load_services(models, detector=detector, segmenter=segmenter, device=device)
    talks = []
    for talk in evaluate(WORLDS[world], services, llm, scenes, seed):
        talks.append(talk)
        if len(talks) % 10 == 0 and len(talks) < scenes:
            note(f"{len(talks)} of {scenes} conversations")
    figures = {
        **summary(talks),
        "world": world,
        "planner": llm or "rules",
        "models": {"preset": services.preset, "detector": services.detector_name, "segmenter": services.segmenter_name},
    }
    result_json(figures) if json else _show(figures)


def _show(figures: dict[str, Any]) -> None:
    """The table of turns right by kind, and every wrong turn."""
    from workflows.commands.terminal import result

    result(f"{figures['conversations']} conversations on {figures['world']} scenes, planned by {figures['planner']}")
    for kind, share in figures["by_kind"].items():
        result(f"  {kind:<8} {share:6.1%} right")
    result(f"  {'all':<8} {figures['right']:6.1%} right of {figures['turns']} turns; {figures['whole']:.1%} whole")
    for turn in figures["wrong"]:
        result(f"wrong: scene {turn['seed']}, {turn['kind']} {turn['request']!r}: {turn['wrong']}")
        if turn["answer"]:
            result(f"       answered: {turn['answer']}")


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
