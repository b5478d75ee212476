"""One prompt, many pictures: what the tools answer for each of a folder's pictures, without a conversation to keep.

    for result in predict("shelves/", phrases=["can"], models="base", batch_size=8):
        result.print()
        result.save_picture("out")
        result.save_json("out")

The shape is that of PaddleX's open-vocabulary modules (`create_model(...).predict(input, prompts, batch_size)`, results
that print and save themselves); what answers are the same tools that a conversation has. A detector is asked for a
batch of pictures at once. This module does not know models, nor how anything is found.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ConfigError, PictureError, ToolInputError, shorten
from agent_tools.memory import Memory, ObjectVersion
from agent_tools.pictures import Picture, Source, open_picture, sources_in
from agent_tools.services.base import Detections, Detector, Services
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.arguments import Quantity, clean_phrases
from agent_tools.tools.wording import record

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was found on one picture.

    Attributes:
        name: the picture's short name, or what was given where it could not be opened.
        picture: the picture; None where it could not be opened.
        objects: what was found, with masks.
        counts: phrase → n, low, high, borderline and saturated, as the count tool gives them; empty without phrases.
        error: why there is no answer, in one line; empty where there is one.
    """

    name: str
    picture: Picture | None = None
    objects: tuple[ObjectVersion, ...] = ()
    counts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain data; objects and masks as in ``ask --json``."""
        found = {"counts": dict(self.counts), "objects": [record(thing) for thing in self.objects]}
        return {"name": self.name, **({"error": self.error} if self.error else found)}

    def print(self) -> None:
        """A line about the picture and one for each object, on stdout."""
        print(f"{self.name}: {self.error or f'{len(self.objects)} found'}", file=sys.stdout)
        for thing in self.objects:
            score = "" if thing.score is None else f" {thing.score:.2f}"
            corners = " ".join(f"{side:.0f}" for side in thing.box)
            print(f"  {thing.handle} {thing.label}{score} box {corners} area {thing.area}", file=sys.stdout)

    def drawn(self) -> NDArray[np.uint8]:
        """The picture with masks tinted, outlined and numbered, (H, W, 3) uint8 RGB.

        Raises:
            PictureError: there is no picture.
        """
        from agent_tools.drawing import draw

        if self.picture is None:
            raise PictureError(self.error)
        return draw(self.picture, self.objects)

    def save_picture(self, path: Path | str, *, replace: bool = False) -> Path:
        """Write `drawn` as JPEG; see `save_json`."""
        from agent_tools.drawing import encode_jpeg

        return self._save(Path(path), ".jpg", encode_jpeg(self.drawn()), replace)

    def save_json(self, path: Path | str, *, replace: bool = False) -> Path:
        """Write `as_json`.

        Args:
            path: the file, or a folder in which it is named after the picture.
            replace: whether a file that is there may be overwritten.

        Raises:
            ConfigError: it is there already, or cannot be written.
        """
        return self._save(Path(path), ".json", (json.dumps(self.as_json()) + "\n").encode(), replace)

    def _save(self, path: Path, ending: str, content: bytes, replace: bool) -> Path:
        target = path if path.suffix.lower() == ending else path / f"{Path(self.name).stem}{ending}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb" if replace else "xb") as file:
                file.write(content)
        except FileExistsError:
            raise ConfigError(
                f"path={shorten(target)} is there already: expected a new file. Name another, or pass replace=True."
            ) from None
        except OSError as error:
            raise ConfigError(
                f"path={shorten(target)} cannot be written ({error.strerror or error}): expected a folder with space "
                "and permission. Name another."
            ) from error
        return target


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every picture; see `predict`."""

    phrases: tuple[str, ...] = ()
    boxes: tuple[tuple[Point, Point], ...] = ()
    points: tuple[Point, ...] = ()
    quantity: Quantity = "all"

    def answer(self, toolkit: VisionToolkit) -> dict[str, Any]:
        """The data of the tool's result for the toolkit's current picture."""
        if self.boxes or self.points:
            names = [toolkit.gesture(None, "box", corners) for corners in self.boxes]
            names += [toolkit.gesture(None, "point", [point]) for point in self.points]
            extra = {"phrases": list(self.phrases)} if self.phrases else {}
            return toolkit.call("segment", {"gestures": names, "quantity": self.quantity, **extra}).data
        if self.phrases and self.quantity == "all":
            return toolkit.call("count", {"phrases": list(self.phrases)}).data
        if self.phrases:
            return toolkit.call("segment", {"phrases": list(self.phrases), "quantity": self.quantity}).data
        return toolkit.call("segment", {"mode": "everything"}).data


def predict(
    source: Source | Picture | Sequence[Source | Picture],
    phrases: Sequence[str] | str = (),
    *,
    boxes: Iterable[Sequence[float]] = (),
    points: Iterable[Sequence[float]] = (),
    quantity: Quantity = "all",
    batch_size: int = 8,
    models: str | None = None,
    services: Services | None = None,
) -> Iterator[Prediction]:
    """Ask the same of many pictures, one result a picture, in order, as soon as its batch is done.

    Without phrases, boxes and points everything there is on a picture is cut out. A picture that cannot be opened
    gives a result with its `error`, and the others go on.

    Args:
        source: a path, an address, bytes, an array, a Pillow image, a folder, or a list of these.
        phrases: what to look for, English, singular.
        boxes: xyxy in pixels, one object each; with phrases, the thing of those words there.
        points: x, y in pixels, one object each; likewise.
        quantity: "one" keeps the best of each phrase; of boxes and points, one object in all.
        batch_size: pictures open at a time, and asked together where the detector can.
        models: a preset; None: the default one.
        services: models that are loaded already, in place of `models`.

    Raises:
        ConfigError: no such models.
        PictureError: a folder without a picture.
        ServiceError: a model failed.
        ToolInputError: a prompt that cannot be.
    """
    if batch_size < 1:
        raise ToolInputError(f"batch_size={batch_size} is too few: expected 1 or more. Say how many pictures.")
    wanted = Asked(
        phrases=tuple(clean_phrases(phrases) or ([phrases] if isinstance(phrases, str) else phrases)),
        boxes=tuple(((box[0], box[1]), (box[2], box[3])) for box in boxes),
        points=tuple((point[0], point[1]) for point in points),
        quantity=quantity,
    )
    if services is None:
        from agent_tools.services.presets import load_services

        services = load_services(models)
    return _predicted(sources_in(source), wanted, services, batch_size)


def _predicted(
    sources: Sequence[Source | Picture], wanted: Asked, services: Services, batch_size: int
) -> Iterator[Prediction]:
    with Memory.temporary() as memory:
        for begin in range(0, len(sources), batch_size):
            drafts = [_opened(each) for each in sources[begin : begin + batch_size]]
            pictures = [draft.picture for draft in drafts if draft.picture is not None]
            asked = replace(services, detector=_Answered(services.detector, pictures, wanted.phrases))
            for draft in drafts:
                yield draft if draft.picture is None else _answered(draft.picture, wanted, asked, memory)


def _opened(source: Source | Picture) -> Prediction:
    try:
        picture = open_picture(source)
    except PictureError as error:
        name = Path(source).name if isinstance(source, (str, Path)) else type(source).__name__
        return Prediction(shorten(name), error=str(error))
    return Prediction(picture.name, picture)


def _answered(picture: Picture, wanted: Asked, services: Services, memory: Memory) -> Prediction:
    toolkit = VisionToolkit(services=services, memory=memory)
    toolkit.open_picture(picture)
    try:
        data = wanted.answer(toolkit)
        objects = tuple(toolkit.state.objects[thing["handle"]] for thing in data["objects"])
        return Prediction(picture.name, picture, objects, data.get("counts", {}))
    except ToolInputError as error:
        return Prediction(picture.name, picture, error=str(error))
    finally:
        memory.erase(toolkit.conversation)
        for model in (services.detector, services.segmenter):
            if forget := getattr(model, "forget", None):
                forget(picture.digest)


class _Answered:
    """A detector that was asked about a batch beforehand; everything else is the wrapped one's own."""

    def __init__(self, inner: Detector, pictures: Sequence[Picture], phrases: Sequence[str]) -> None:
        self._inner, self._phrases, self.threshold = inner, list(phrases), inner.threshold
        answers = inner.detect(pictures, [self._phrases] * len(pictures)) if pictures and phrases else []
        self._known = {picture.digest: answer for picture, answer in zip(pictures, answers, strict=False)}

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """See `Detector.detect`; what was asked beforehand is not asked again."""
        return [
            self._known[picture.digest]
            if list(some) == self._phrases and picture.digest in self._known
            else self._inner.detect([picture], [some])[0]
            for picture, some in zip(pictures, phrases, strict=True)
        ]

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # asked for while a copy is still empty
            raise AttributeError(name)
        return getattr(self._inner, name)
