"""Measures models on rendered scenes through the product: `python -m workflows.demo_models.evaluate --scenes 1000`.

One request a scene ("count the red apples"), one more for something that is not there, some whole `ask`s by the clock,
and dense scenes apart. Counts are what the `count` tool answers, boxes what the detector service gives, masks what the
segmenter service gives for true boxes and clicks. Seeds start at `EVALUATION_SEEDS`, which training never reaches.
Knows no model and no threshold.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from agent_tools.masks import box_iou
from agent_tools.services.base import Detections
from workflows.demo_models.kinds import Kind
from workflows.demo_models.mask_evaluation import evaluate_masks
from workflows.demo_models.plain.scenes import KINDS as PLAIN_KINDS
from workflows.demo_models.plain.scenes import render_plain_scene
from workflows.demo_models.requests import ABSENT, Request, about, draw_kind, draw_missing, draw_request
from workflows.demo_models.scenes import EVALUATION_SEEDS, KINDS, PLURALS, Scene, render_scene

app = typer.Typer(add_completion=False)

FirstSeed = Annotated[int, typer.Option("--seed", min=0, help="Counted from the first evaluation seed.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Models = Annotated[str, typer.Option("--models", help="Preset of models.")]
OtherDetector = Annotated[str | None, typer.Option("--detector", help="In place of the preset's detector.")]
OtherSegmenter = Annotated[str | None, typer.Option("--segmenter", help="In place of the preset's segmenter.")]
WorldName = Annotated[Literal["plain", "full"], typer.Option("--world", help="Which scenes.")]
Counts = Callable[[Scene, str], dict[str, Any]]
Detects = Callable[[Scene, str], Detections]

UNKNOWN = 0.25
"""Share of the requests for what is not there that are for things the models have no word for."""


@dataclass(frozen=True)
class Answer:
    """One request and what came of it.

    Attributes:
        scene: The picture and its truth.
        request: What was asked for, and the true boxes.
        number: The count answered.
        low: Its lower bound.
        high: Its upper bound.
        boxes: (m, 4) float32 xyxy, every candidate of the detector.
        scores: (m,) float32.
    """

    scene: Scene
    request: Request
    number: int
    low: int
    high: int
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]

    @property
    def truth(self) -> int:
        """How many there are."""
        return len(self.request.boxes)

    @property
    def error(self) -> int:
        """Count answered minus true count."""
        return self.number - self.truth


@dataclass(frozen=True)
class World:
    """Where scenes come from.

    Attributes:
        render: Draws the scene of a seed, width and height.
        sizes: (width, height) of the scenes, in turn.
        kinds: Everything that may be in one.
        draw: Draws what is asked of a scene.
    """

    render: Callable[..., Scene]
    sizes: tuple[tuple[int, int], ...]
    kinds: tuple[Kind, ...]
    draw: Callable[..., Request]

    def scenes(self, number: int, first: int, style: str | None = None) -> Iterator[Scene]:
        """Renders `number` scenes, one at a time."""
        for seed in range(EVALUATION_SEEDS + first, EVALUATION_SEEDS + first + number):
            options = {} if style is None else {"style": style}
            yield self.render(seed, *self.sizes[seed % len(self.sizes)], **options)

    def request(self, scene: Scene) -> Request:
        """What is asked of a scene; its seed decides."""
        return self.draw(scene, np.random.default_rng(scene.seed), kinds=self.kinds)

    def missing(self, scene: Scene) -> Request:
        """Something that is not in a scene, or that nothing of ours knows."""
        return draw_missing(scene, np.random.default_rng(scene.seed), UNKNOWN, self.kinds)


WORLDS = {
    "full": World(render_scene, ((480, 360), (640, 480), (360, 480), (320, 240)), KINDS, draw_request),
    "plain": World(render_plain_scene, ((320, 240),), PLAIN_KINDS, draw_kind),
}
"""The scenes that training draws now, and the simpler ones that the bundled weights were trained on."""


def sentence(phrase: str) -> str:
    """The request as a person says it."""
    *colour, noun = phrase.split()
    return " ".join(["count the", *colour, PLURALS.get(noun, noun + "s")])


def ask(scene: Scene, request: Request, count: Counts, detect: Detects | None) -> Answer:
    """Puts a request to the product."""
    counted = count(scene, request.phrase)
    found = detect(scene, request.phrase) if detect is not None else None
    return Answer(
        scene=scene,
        request=request,
        number=int(counted["n"]),
        low=int(counted["low"]),
        high=int(counted["high"]),
        boxes=np.zeros((0, 4), np.float32) if found is None else found.boxes,
        scores=np.zeros(0, np.float32) if found is None else found.scores,
    )


def count_figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Share of exact counts, mean absolute error, share of truths within low..high, and mean high - low."""
    error = np.array([abs(answer.error) for answer in answers])
    within = [answer.low <= answer.truth <= answer.high for answer in answers]
    return {
        "exact": float((error == 0).mean()),
        "mae": float(error.mean()),
        "coverage": float(np.mean(within)),
        "width": float(np.mean([answer.high - answer.low for answer in answers])),
        "truth": float(np.mean([answer.truth for answer in answers])),
    }


def colour_figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Exact counts of "red apples" where there are other apples too."""
    exact = [answer.error == 0 for answer in answers if answer.request.sort == "colour" and answer.request.rivals]
    return {"exact": float(np.mean(exact)) if exact else float("nan"), "requests": float(len(exact))}


def missing_figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Share of requests for what is not there that are answered with a hit, by sort and over all."""
    hits = {
        sort: [answer.number > 0 for answer in answers if answer.request.sort == sort] for sort in ("absent", "unknown")
    }
    every = [hit for kind in hits.values() for hit in kind]
    return {sort: float(np.mean(kind)) if kind else float("nan") for sort, kind in (*hits.items(), ("hits", every))}


def dense_figures(answers: Sequence[Answer]) -> dict[str, float]:
    """Mean of |count - truth| / truth, mean true count, and truth within low..high."""
    return {
        "error": float(np.mean([abs(answer.error) / answer.truth for answer in answers])),
        "truth": float(np.mean([answer.truth for answer in answers])),
        "coverage": float(np.mean([answer.low <= answer.truth <= answer.high for answer in answers])),
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
        shared = box_iou(answer.boxes, answer.request.boxes)
        for index in np.argsort(-answer.scores, kind="stable"):
            best = int(shared[index].argmax()) if answer.truth else -1
            hit = best >= 0 and bool(shared[index, best] >= overlap)
            if hit:
                shared[:, best] = -1.0
            scores.append(float(answer.scores[index]))
            real.append(hit)
    total = sum(answer.truth for answer in answers)
    ordered = np.array(real, bool)[np.argsort(-np.array(scores), kind="stable")]
    found = np.cumsum(ordered)
    precision = found / np.arange(1, len(ordered) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(envelope[ordered].sum() / max(total, 1))


class Product:
    """The product's `count` tool, detector and segmenter services, and the whole of an `ask`."""

    def __init__(self, models: str, detector: str | None, segmenter: str | None) -> None:
        from agent_tools import load_services

        self.services = load_services(models, detector=detector, segmenter=segmenter)

    def count(self, scene: Scene, phrase: str) -> dict[str, Any]:
        """What the `count` tool says of a phrase."""
        from agent_tools import Memory, VisionToolkit

        with Memory.temporary() as memory:
            toolkit = VisionToolkit(services=self.services, memory=memory)
            picture = toolkit.open_picture(scene.image)
            answer = toolkit.call("count", {"phrases": [phrase], "picture": picture})
        counted: dict[str, Any] = answer.data["counts"][phrase]
        return counted

    def detect(self, scene: Scene, phrase: str) -> Detections:
        """Every candidate of the detector."""
        from agent_tools import Picture

        return self.services.detector.detect([Picture.from_array(scene.image)], [[phrase]])[0]

    def seconds(self, pictures: Iterable[Scene]) -> dict[str, float]:
        """Median and 90th percentile of whole `ask`s, from file to drawn file, models loaded and warm."""
        from PIL import Image

        from agent_tools import Memory, VisionToolkit
        from agent_tools.drawing import draw, encode_jpeg
        from agent_tools.pictures import open_picture
        from workflows.conversation import Conversation

        taken = []
        with tempfile.TemporaryDirectory() as folder, Memory(Path(folder) / "memory") as memory:
            toolkit = VisionToolkit(services=self.services, memory=memory)
            talk = Conversation(toolkit)
            for scene in pictures:
                path = Path(folder) / f"{scene.seed}.png"
                Image.fromarray(scene.image).save(path)
                words = sentence(draw_request(scene, np.random.default_rng(scene.seed), 0.0).phrase)
                began = time.perf_counter()
                picture = open_picture(path)
                reply = talk.ask(words, pictures=[toolkit.open_picture(picture)])
                things = [toolkit.state.objects[thing["handle"]] for thing in reply.objects]
                path.with_suffix(".jpg").write_bytes(encode_jpeg(draw(picture, things)))
                taken.append(time.perf_counter() - began)
        warm = taken[2:] or taken
        return {"median": statistics.median(warm), "p90": float(np.quantile(warm, 0.9))}


def contact_sheet(answers: Sequence[Answer], path: Path, most: int = 12) -> None:
    """Draws the worst counts: true boxes white, the best candidates, as many as were counted, red."""
    from PIL import Image, ImageDraw

    worst = sorted(answers, key=lambda answer: -abs(answer.error))[:most]
    tiles = []
    for answer in worst:
        tile = Image.fromarray(answer.scene.image)
        draw = ImageDraw.Draw(tile)
        for box in answer.request.boxes.tolist():
            draw.rectangle(box, outline="white")
        for index in np.argsort(-answer.scores)[: answer.number]:
            draw.rectangle(answer.boxes[index].tolist(), outline="red")
        words = f"{sentence(answer.request.phrase)}: {answer.number} for {answer.truth}, seed {answer.scene.seed}"
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


def dense_answers(product: Product, number: int, first: int, console: Console) -> list[Answer]:
    """Asks dense scenes for what they are full of."""
    answers = []
    crowded = WORLDS["full"].scenes(number, first, "dense")
    for scene in track(crowded, "dense", total=number, console=console):
        nouns = [thing.noun for thing in scene.objects]
        crowd = max(set(nouns), key=nouns.count)
        answers.append(ask(scene, Request(crowd, "noun", 0, about(scene, crowd)), product.count, None))
    return answers


def tell(figures: Mapping[str, float], as_json: bool) -> None:
    """Prints one figure a line, or all as one JSON object."""
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        for name, value in figures.items():
            typer.echo(f"{name:20} {value:.3f}")


@app.command()
def main(
    number: Annotated[int, typer.Option("--scenes", min=1, help="Scenes, one request each.")] = 100,
    seed: FirstSeed = 0,
    as_json: AsJson = False,
    out: Annotated[Path | None, typer.Option(help="Folder for a sheet of the worst counts.")] = None,
    models: Models = "demo",
    detector: OtherDetector = None,
    segmenter: OtherSegmenter = None,
    mask_scenes: Annotated[int, typer.Option(min=0, help="Scenes whose masks are measured.")] = 40,
    dense_scenes: Annotated[int, typer.Option(min=0, help="Scenes of 40 to 80 of one thing.")] = 20,
    world: WorldName = "plain",
    timed: Annotated[int, typer.Option(min=0, help="Whole asks by the clock.")] = 20,
) -> None:
    """Measure counts, boxes and masks on rendered scenes that training never saw."""
    product, console, drawn = Product(models, detector, segmenter), Console(stderr=True), WORLDS[world]
    answers, missing = [], []
    for scene in track(drawn.scenes(number, seed), "counting", total=number, console=console):
        answers.append(ask(scene, drawn.request(scene), product.count, product.detect))
        missing.append(ask(scene, drawn.missing(scene), product.count, None))
    figures = {
        "count": count_figures(answers),
        "colour": colour_figures(answers),
        "missing": missing_figures(missing),
        "boxes": {"ap50": average_precision(answers)},
    }
    if mask_scenes:
        pictures = track(drawn.scenes(mask_scenes, seed), "segmenting", total=mask_scenes, console=console)
        figures["masks"] = evaluate_masks(product.services.segmenter, pictures)
    if dense_scenes:
        dense = dense_answers(product, dense_scenes, seed, console)
        figures["dense"] = dense_figures(dense)
    if timed:
        figures["ask_seconds"] = product.seconds(drawn.scenes(timed, seed + number))
    if out is not None:
        contact_sheet(answers, out / "worst.png")
        if dense_scenes:
            contact_sheet(dense, out / "worst_dense.png", 6)
    if as_json:
        typer.echo(json.dumps(figures))
    else:
        show(
            figures,
            f"{number} scenes from seed {EVALUATION_SEEDS + seed}, {ABSENT:.0%} of them asked for absent things",
        )


if __name__ == "__main__":
    app()
