"""The training command: `python -m workflows.demo_models.train detector|segmenter --out DIR --minutes N --seed S`.

Imports a trainer only when it is asked for. Knows no model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(add_completion=False, help="Train the bundled demo models on rendered scenes.")

Out = Annotated[Path, typer.Option(help="Folder for scenes, checkpoint, log and the finished model.")]
Minutes = Annotated[float, typer.Option(help="Training time, over all resumed runs; the schedule anneals within it.")]
Seed = Annotated[int, typer.Option(help="Seed of first weights and draws.")]
Resume = Annotated[bool, typer.Option(help="Go on from the checkpoint in --out.")]
Smoke = Annotated[bool, typer.Option(help="A few tiny steps, to see that everything runs.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
Config = Annotated[Path | None, typer.Option(help="Settings instead of the YAML file beside this command.")]


@app.callback()
def main() -> None:
    """Train the bundled demo models on rendered scenes."""


@app.command()
def detector(
    out: Out,
    minutes: Minutes = 90.0,
    seed: Seed = 0,
    resume: Resume = False,
    smoke: Smoke = False,
    device: Device = "cpu",
    threads: Threads = 1,
    config: Config = None,
) -> None:
    """Train the small Grounding DINO; the model lands in OUT/detector."""
    from workflows.demo_models.train_detector import run

    arguments: dict[str, Any] = {"out": out, "minutes": minutes, "seed": seed, "resume": resume}
    typer.echo(str(run(arguments | {"smoke": smoke, "device": device, "threads": threads, "config": config})))


@app.command()
def segmenter(
    out: Out,
    minutes: Minutes = 60.0,
    seed: Seed = 0,
    resume: Resume = False,
    smoke: Smoke = False,
    device: Device = "cpu",
    threads: Threads = 1,
    config: Config = None,
) -> None:
    """Train the small SAM; the model lands in OUT/segmenter."""
    from workflows.demo_models.train_segmenter import run

    arguments: dict[str, Any] = {"out": out, "minutes": minutes, "seed": seed, "resume": resume}
    typer.echo(str(run(arguments | {"smoke": smoke, "device": device, "threads": threads, "config": config})))


if __name__ == "__main__":
    app()
