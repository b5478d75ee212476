"""Measures models on rendered scenes through the product: `python -m workflows.demo_models.evaluate --scenes 100`.

One request a scene ("count the red apples"), about a kind drawn at random from those in it, or, for one request in
ten, about a kind that is not there. The count is what the `count` tool answers, boxes are what the detector service
gives, masks what the segmenter service gives for true boxes and clicks. Seeds start at `EVALUATION_SEEDS`, which
training never reaches. Knows no model and no threshold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from agent_tools.masks import box_iou
from agent_tools.services.base import Detections
from workflows.demo_models.detector_calibration import ABSENT, ask_about
from workflows.demo_models.mask_evaluation import evaluate_masks
from workflows.demo_models.scenes import EVALUATION_SEEDS, PLURALS, Scene, render_scene

app = typer.Typer(add_completion=False)
Counts = Callable[[Scene, str], dict[str, Any]]
Detects = Callable[[Scene, str], Detections]


@dataclass(frozen=True)
class Answer:
    """One request and what came of it.

    Attributes:
        scene: The picture and its truth.
        phrase: What was asked for.
        truth: (n, 4) float32 xyxy, boxes of the things asked for.
        number: The count answered.
        low: Its lower bound.
        high: Its upper bound.
        boxes: (m, 4) float32 xyxy, every candidate of the detector.
        scores: (m,) float32.
    """

    scene: Scene
    phrase: str
    truth: NDArray[np.float32]
    number: int
    low: int
    high: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]

    @property
    def error(self) -> int:
        """Count answered minus true count."""
        return self.number - len(self.truth)


def request(scene: Scene) -> tuple[str, str, str]:
    """Noun, colour and phrase asked of a scene; the scene's own seed decides."""
    return ask_about(scene, np.random.default_rng(scene.seed), ABSENT)


def sentence(phrase: str) -> str:
    """The request as a person says it."""
    *colour, noun = phrase.split()
    return " ".join(["count the", *colour, PLURALS[noun]])


def ask(scene: Scene, count: Counts, detect: Detects) -> Answer:
    """Puts a scene's request to the product."""
    noun, colour, phrase = request(scene)
    counted, found = count(scene, phrase), detect(scene, phrase)
    things = [thing.box for thing in scene.objects if (thing.noun, thing.colour) == (noun, colour)]
    return Answer(
        scene=scene,
        phrase=phrase,
        truth=np.array(things, np.float32).reshape(-1, 4),
        number=int(counted["n"]),
        low=int(counted["low"]),
        high=int(counted["high"]),
        boxes=found.boxes,
        scores=found.scores,
    )


def count_figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Share of exact counts, mean absolute error, share of truths within low..high, and mean high - low."""
    error = np.array([abs(answer.error) for answer in answers])
    within = [answer.low <= len(answer.truth) <= answer.high for answer in answers]
    return {
        "exact": float((error == 0).mean()),
        "mae": float(error.mean()),
        "coverage": float(np.mean(within)),
        "width": float(np.mean([answer.high - answer.low for answer in answers])),
        "truth": float(np.mean([len(answer.truth) for answer in answers])),
    }


def average_precision(answers: Sequence[Answer], overlap: float = 0.5) -> float:
    """Area under the precision-recall curve of all candidates, interpolated as in PASCAL VOC 2010.

    Args:
        answers: At least one thing asked for among them.
        overlap: Least IoU with a true box that no better candidate has.
    """
    scores: list[float] = []
    real: list[bool] = []
    for answer in answers:
        shared = box_iou(answer.boxes, answer.truth)
        for index in np.argsort(-answer.scores, kind="stable"):
            best = int(shared[index].argmax()) if len(answer.truth) else -1
            hit = best >= 0 and bool(shared[index, best] >= overlap)
            if hit:
                shared[:, best] = -1.0
            scores.append(float(answer.scores[index]))
            real.append(hit)
    total = sum(len(answer.truth) for answer in answers)
    ordered = np.array(real, bool)[np.argsort(-np.array(scores), kind="stable")]
    found = np.cumsum(ordered)
    precision = found / np.arange(1, len(ordered) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[ordered].sum() / max(total, 1))


def product(models: str, detector: str | None, segmenter: str | None) -> tuple[Counts, Detects, Any]:
    """The product's `count` tool, its detector and its segmenter service."""
    from agent_tools import Memory, Picture, VisionToolkit, load_services

    services = load_services(models, detector=detector, segmenter=segmenter)

    def count(scene: Scene, phrase: str) -> dict[str, Any]:
        with Memory.temporary() as memory:
            toolkit = VisionToolkit(services=services, memory=memory)
            picture = toolkit.open_picture(scene.image)
            answer = toolkit.call("count", {"phrases": [phrase], "picture": picture})
        counted: dict[str, Any] = answer.data["counts"][phrase]
        return counted

    def detect(scene: Scene, phrase: str) -> Detections:
        return services.detector.detect([Picture.from_array(scene.image)], [[phrase]])[0]

    return count, detect, services.segmenter


def contact_sheet(answers: Sequence[Answer], path: Path, most: int = 12) -> None:
    """Draws the worst counts: true boxes white, the best candidates, as many as were counted, red."""
    from PIL import Image, ImageDraw

    worst = sorted(answers, key=lambda answer: -abs(answer.error))[:most]
    tiles = []
    for answer in worst:
        tile = Image.fromarray(answer.scene.image)
        draw = ImageDraw.Draw(tile)
        for box in answer.truth.tolist():
            draw.rectangle(box, outline="white")
        for index in np.argsort(-answer.scores)[: answer.number]:
            draw.rectangle(answer.boxes[index].tolist(), outline="red")
        words = f"{sentence(answer.phrase)}: {answer.number} for {len(answer.truth)}, seed {answer.scene.seed}"
        draw.rectangle((0, 0, tile.width, 12), fill="black")
        draw.text((2, 0), words, fill="white")
        tiles.append(tile)
    columns = 4
    width, height = max(tile.width for tile in tiles), max(tile.height for tile in tiles)
    sheet = Image.new("RGB", (columns * width, -(-len(tiles) // columns) * height))
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (index % columns * width, index // columns * height))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def show(figures: dict[str, dict[str, float]], title: str) -> None:
    """Prints the figures as a table."""
    table = Table("figure", "value", title=title)
    for group, values in figures.items():
        for name, value in values.items():
            table.add_row(f"{group} {name}", f"{value:.3f}")
    Console().print(table)


@app.command()
def main(
    scenes: Annotated[int, typer.Option(min=1, help="Scenes, one request each.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Counted from the first evaluation seed.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for a sheet of the worst counts.")] = None,
    models: Annotated[str, typer.Option(help="Preset of models.")] = "demo",
    detector: Annotated[str | None, typer.Option(help="In place of the preset's detector.")] = None,
    segmenter: Annotated[str | None, typer.Option(help="In place of the preset's segmenter.")] = None,
    mask_scenes: Annotated[int, typer.Option(min=0, help="Scenes whose masks are measured.")] = 40,
) -> None:
    """Measure counts, boxes and masks on rendered scenes that training never saw."""
    count, detect, masks = product(models, detector, segmenter)
    first = EVALUATION_SEEDS + seed
    pictures = [render_scene(number) for number in range(first, first + scenes)]
    console = Console(stderr=True)
    answers = [ask(scene, count, detect) for scene in track(pictures, "counting", console=console)]
    figures = {"count": count_figures(answers), "boxes": {"ap50": average_precision(answers)}}
    if mask_scenes:
        figures["masks"] = evaluate_masks(masks, track(pictures[:mask_scenes], "segmenting", console=console))
    if out is not None:
        contact_sheet(answers, out / "worst.png")
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        show(figures, f"{scenes} scenes from seed {first}, {ABSENT:.0%} of requests for absent things")


if __name__ == "__main__":
    app()
