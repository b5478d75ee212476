"""What a warm `ask` costs beside the models: twenty objects on a 640 x 480 picture, from file to annotated file.

    python -m benchmarks.warm_ask [--repeats N] [--full-size] [--json]

The models are the bundled ones (or `--models`), loaded and warmed up before the clock starts. Every repeat is a picture
not seen before, so that nothing comes from a cache. "models" is time in the networks and in the picture processors that
belong to them (transformers' own resizing and normalising). Everything else is ours: opening and decoding the file (a
JPEG), planning, prompts, masks at picture size, suppression, run-length encoding, the memory with its flushes to disk,
drawing, and writing the annotated picture. With --full-size it is fifty objects on 12 megapixels, with Grounding DINO
tiny and SAM ViT-B of random weights (`full_size`). Wall time, medians. torch's threads wait as they do under `askmask`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.drawing import encode_jpeg
from agent_tools.memory import Memory
from agent_tools.pictures import open_picture
from benchmarks.full_size import (
    KnownBoxes,
    grid_of_boxes,
    picture_of,
    save_detector,
    save_segmenter,
)
from workflows.cli import share_the_machine
from workflows.commands.session import Choice, Session, session
from workflows.demo_models.plain.scenes import render_plain_scene
from workflows.demo_models.scenes import PLURALS, Scene

SIZE = (640, 480)
OBJECTS = 20
FIRST_SEED = 10_500_314
"""Of the seeds from 10,500,000 on the first whose scene is crowded enough; the others need not be rendered again."""


def crowded_scene(first_seed: int = FIRST_SEED) -> Scene:
    """The first scene from `first_seed` on that shows `OBJECTS` things or a few more."""
    seed = first_seed
    while not OBJECTS <= len((scene := render_plain_scene(seed, *SIZE)).objects) <= OBJECTS + 4:
        seed += 1
    return scene


def request_for(scene: Scene) -> str:
    """A sentence that asks for every kind of thing in the scene."""
    nouns = sorted({thing.noun for thing in scene.objects})
    return "count " + " and ".join(f"the {PLURALS[noun]}" for noun in nouns)


def one(talk: Session, path: Path, request: str, objects: int = OBJECTS) -> dict[str, float]:
    """Ask once; milliseconds by part."""
    services = talk.toolkit.services
    networks = (services.detector.model_seconds, services.segmenter.model_seconds)  # type: ignore[attr-defined]
    began = time.perf_counter()
    handles = talk.open([open_picture(path)])
    opened = time.perf_counter()
    outcome = talk.ask(request, pictures=handles)
    ended = time.perf_counter()
    assert len(outcome.reply.objects) >= objects, f"only {len(outcome.reply.objects)} objects"
    detecting = services.detector.model_seconds - networks[0]  # type: ignore[attr-defined]
    segmenting = services.segmenter.model_seconds - networks[1]  # type: ignore[attr-defined]
    seconds = outcome.reply.seconds
    talked = sum(seconds.values())
    parts = {
        "total": ended - began,
        "models": detecting + segmenting,
        "open the picture": opened - began,
        "plan": seconds["plan"],
        "around the detector": seconds["detect"] - detecting,
        "around the segmenter": seconds["segment"] - segmenting,
        "tools, memory, agent loop": seconds["other"],
        "draw and write": ended - opened - talked,
    }
    parts["ours"] = parts["total"] - parts["models"]
    return {name: 1000 * value for name, value in parts.items()}


def measure(models: str = "demo", repeats: int = 15, choice: Choice | None = None) -> dict[str, Any]:
    """Medians over `repeats` asks, in milliseconds, with the number of objects."""
    scene = crowded_scene()
    request = request_for(scene)
    boxes = np.stack([thing.box for thing in scene.objects[:OBJECTS]]).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder) / "memory") as memory:
        rows = []
        with session(choice or Choice(models=models), out=Path(folder) / "out", memory=memory) as talk:
            services = talk.toolkit.services
            services.detector = KnownBoxes(services.detector, boxes)
            for number in range(repeats + 2):
                rows.append(one(talk, _new_picture(Path(folder), scene.image, number), request))
    return _medians(OBJECTS, SIZE, rows[2:])


def measure_full_size(repeats: int = 3) -> dict[str, Any]:
    """Likewise, with models of the published sizes and fifty objects on 12 megapixels."""
    size, objects = (4000, 3000), 50
    image = picture_of(*size)
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder) / "memory") as memory:
        base = Path(folder)
        detector = save_detector(base / "detector")
        os.environ["SMOOTH_SAM_FOLDER"] = str(save_segmenter(base / "segmenter"))
        choice = Choice(detector=str(detector), segmenter="benchmarks.full_size:smooth_sam")
        rows = []
        with session(choice, out=base / "out", memory=memory) as talk:
            services = talk.toolkit.services
            services.detector = KnownBoxes(services.detector, grid_of_boxes(objects, *size))
            for number in range(repeats + 1):
                rows.append(one(talk, _new_picture(base, image, number), "count the apples", objects))
    return _medians(objects, size, rows[1:])


def _new_picture(folder: Path, image: NDArray[np.uint8], number: int) -> Path:
    """A JPEG of the picture that was not seen before."""
    image = image.copy()
    image[:8, :8], image[:8, 8:16] = 16 * (number % 16), number // 16 * 16 % 256
    path = folder / f"scene-{number}.jpg"
    path.write_bytes(encode_jpeg(image))
    return path


def _medians(objects: int, size: tuple[int, int], rows: list[dict[str, float]]) -> dict[str, Any]:
    medians = {name: round(statistics.median(row[name] for row in rows), 1) for name in rows[0]}
    share = round(medians["ours"] / medians["total"], 4)
    return {"objects": objects, "size": list(size), "repeats": len(rows), "milliseconds": medians, "our_share": share}


def main() -> None:
    """Print the split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="demo")
    parser.add_argument("--detector")
    parser.add_argument("--segmenter")
    parser.add_argument("--repeats", type=int, help="asks that count; otherwise 15, with --full-size 3")
    parser.add_argument("--full-size", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    share_the_machine()
    if options.full_size:
        found = measure_full_size(options.repeats or 3)
    else:
        choice = Choice(options.models, options.detector, options.segmenter)
        found = measure(options.models, options.repeats or 15, choice)
    if options.json:
        print(json.dumps(found))
        return
    width, height = found["size"]
    print(f"{found['objects']} objects, {width}x{height}, median of {found['repeats']}; ours: {found['our_share']:.1%}")
    for name, milliseconds in found["milliseconds"].items():
        print(f"{name:>26}: {milliseconds:7.1f} ms")


if __name__ == "__main__":
    main()
