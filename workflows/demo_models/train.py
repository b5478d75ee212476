"""The training command: `python -m workflows.demo_models.train detector|segmenter --out DIR --minutes N --seed S`.

Imports a trainer only when it is asked for. Knows no model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, help="Train the bundled demo models on rendered scenes.")

Out = Annotated[Path, typer.Option(help="Folder for scenes, checkpoint, log and the finished model.")]
Minutes = Annotated[float, typer.Option(help="Training time, over all resumed runs; the schedule anneals within it.")]
Seed = Annotated[int, typer.Option(help="Seed of first weights and draws.")]
Resume = Annotated[bool, typer.Option(help="Go on from the checkpoint in --out.")]
Smoke = Annotated[bool, typer.Option(help="A few tiny steps, to see that everything runs.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
Start = Annotated[Path | None, typer.Option(help="Folder of a finished model to start from, not from nothing.")]
Scenes = Annotated[Path | None, typer.Option(help="Folder of rendered scenes, shared by both trainings.")]
Renderers = Annotated[int, typer.Option(min=0, help="Processes that render scenes; 0 if another training does.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that prepare batches; 0: the training's own.")]
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
    scenes: Scenes = None,
    renderers: Renderers = 1,
    workers: Workers = 0,
    start: Start = None,
    config: Config = None,
) -> None:
    """Train the small Grounding DINO; the model lands in OUT/detector."""
    from workflows.demo_models.train_detector import run

    typer.echo(str(run(dict(locals()))))


@app.command()
def segmenter(
    out: Out,
    minutes: Minutes = 60.0,
    seed: Seed = 0,
    resume: Resume = False,
    smoke: Smoke = False,
    device: Device = "cpu",
    threads: Threads = 1,
    scenes: Scenes = None,
    renderers: Renderers = 1,
    workers: Workers = 0,
    start: Start = None,
    config: Config = None,
) -> None:
    """Train the small SAM; the model lands in OUT/segmenter."""
    from workflows.demo_models.train_segmenter import run

    typer.echo(str(run(dict(locals()))))


if __name__ == "__main__":
    app()
