"""Grounding DINO and MM-Grounding-DINO behind the Detector protocol, on transformers' models.

Boxes and scores are the model's (Liu et al. 2023, "Grounding DINO"; Zhao et al. 2024, "An Open and Comprehensive
Pipeline for Unified Object Grounding and Detection"); prompts, spans, suppression and labels are ours. The model fuses
the words with the picture from its first encoder layer on, so a new phrase needs a new pass: what is cached is the
answer to the same phrases on the same picture. A checkpoint that was taught few words is asked in these alone; see
`closed_vocabulary`. This module does not know masks, handles or conversations.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForZeroShotObjectDetection

from agent_tools.errors import shorten
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Proposals, check_lists
from agent_tools.services.checkpoints import CheckpointSettings, LookSettings, locate, open_model, read_vocabulary
from agent_tools.services.closed_vocabulary import Reading
from agent_tools.services.devices import choose_device, running
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.fusion import fuse
from agent_tools.services.original_grounding_dino import open_original_grounding_dino
from agent_tools.services.phrases import PromptPass, clean_phrase, pack
from agent_tools.services.precision import choose_precision, picture_share
from agent_tools.services.quick_layers import prepare
from agent_tools.services.suppression import standing
from agent_tools.services.tiling import InputSize
from agent_tools.services.wordless import Answer, proposals_of

FAMILIES = {
    # (threshold, floor) where the checkpoint has no askmask.json: the box threshold of Grounding DINO's README, the
    # score threshold of mmdetection's demo; floors are about half of each.
    "grounding-dino": (0.35, 0.2),
    "mm-grounding-dino": (0.3, 0.15),
}
GENERAL = (
    *("object", "person", "animal", "bird", "vehicle", "furniture", "chair", "appliance", "screen", "tool", "toy"),
    *("bottle", "can", "box", "bag", "jar", "cup", "bowl", "plate", "book", "paper", "clothing", "shoe", "plant"),
    *("flower", "fruit", "vegetable", "bread", "food", "cutlery", "sign", "light", "ball", "building", "machine"),
)
"""What weights that read any phrase are asked for to see everything: one prompt of broad nouns."""
_SATURATED = 0.8
"""Share of the queries above the threshold from which the model may have run out of them."""
_LONGEST_SHAPE = 6
"""Sides longer than this many times the other are answered with a margin, or the small side would shrink to nothing."""
_STRIDE = 32
"""Pixels a side of what most of the weights see as one token."""
_PIXELS_PER_PASS = {"cpu": 1_100_000, "cuda": 9_000_000, "mps": 2_200_000}
"""Prepared pixels answered together: one, eight and two pictures of a hub model, and many more of a small one's."""


class GroundingDino:
    """A detector of anything that can be said in a few words.

    Attributes:
        threshold: score where a hit begins.
        floor: lowest score of the candidates that come back.
        precision_curve: (score, precision) pairs measured for these weights; empty where unknown.
        nouns: the only nouns that the weights have words for; empty where they read any phrase.
        input_size: what the weights' processor scales pictures to.
        tiling: when looks at parts of a picture pay for these weights; see `tiling`.
        likeness: how alike two proposals have to be, for these weights, to be of one kind.
        model_seconds: time spent in the network and the picture processor that belongs to it, ours left out.
    """

    threshold: float
    floor: float

    def __init__(
        self,
        source: str | Path,
        device: str = "auto",
        cache: EncodingCache | None = None,
        pictures_per_pass: int | None = None,
    ) -> None:
        """Opens the model.

        Args:
            source: a folder, a hub id, or a file of Grounding DINO's authors (``.pth``); `askmask.json` and
                `closed_vocabulary.json` in the folder are honoured.
            device: auto, cpu, cuda:n or mps.
            cache: shared with other services; None makes one of the configured size.
            pictures_per_pass: pictures of one size answered together; None: what suits the device and their size.

        Raises:
            ConfigError: no such model or device.
            ServiceError: the hub cannot be reached.
        """
        self._source = str(source)
        self._name = f"detector={shorten(source)}"
        folder = locate(source, "detector")
        self._device = choose_device(device)
        auto = AutoModelForZeroShotObjectDetection
        self._model, self._processor = (
            open_original_grounding_dino(folder, self._name)
            if folder.is_file()
            else open_model(folder, self._source, "detector", dict.fromkeys(FAMILIES, auto))
        )
        with running(self._device, self._name):
            self._model.to(self._device)
        self._settings = CheckpointSettings.read(folder)
        self._vocabulary = read_vocabulary(folder)
        self.nouns = tuple(self._vocabulary.nouns) if self._vocabulary else ()
        threshold, floor = FAMILIES[self._model.config.model_type]
        self.threshold = self._settings.threshold if self._settings.threshold is not None else threshold
        self.floor = self._settings.floor if self._settings.floor is not None else min(floor, self.threshold)
        self.precision_curve = self._settings.precision_curve
        images = self._processor.image_processor
        work = sum(weight.numel() for weight in self._model.parameters()) * InputSize.of(images.size).area / _STRIDE**2
        self._precision = choose_precision(self._device, work)
        prepare(self._model, self._device, self._precision)
        images.size = type(images.size)(**scaled(images.size, picture_share(work)))
        self.input_size = InputSize.of(images.size)
        self.tiling = self._settings.tiling
        self.likeness = self._settings.likeness
        self.model_seconds = 0.0
        self._cache = EncodingCache.configured() if cache is None else cache
        self._pictures_per_pass = pictures_per_pass
        self._lock = Lock()

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """Find every phrase of ``phrases[i]`` on ``pictures[i]``; see `Detector.detect`.

        A phrase given twice is answered at its first place; one without a word in it finds nothing. Two phrases that
        the weights have the same words for ("tin" and "can") are asked once and both get all that is found: each thing
        is both. A phrase that they have no words for is not asked and is `Detections.unknown`.

        Raises:
            ServiceError: the model failed; OutOfMemoryError where the device had no room.
            ToolInputError: a phrase is longer than the model can read.
        """
        check_lists(pictures, phrases)
        asked = [tuple(clean_phrase(phrase) for phrase in some) for some in phrases]
        found: dict[int, Detections] = {}
        with self._lock:
            for phrases_of_run, run in itertools.groupby(
                sorted(range(len(pictures)), key=asked.__getitem__), key=asked.__getitem__
            ):
                found |= self._detect_run({index: pictures[index] for index in run}, phrases_of_run)
        return [found[index] for index in range(len(pictures))]

    def propose(self, pictures: Sequence[Picture]) -> list[Proposals]:
        """Everything that may be one whole thing on each picture; see `Proposer`.

        All nouns that the weights know are asked for at once, else `GENERAL` ones. A thing's features are how much it
        is each of these to the model, as log-odds about their mean: an unknown thing is as unlike all words as its
        neighbour of the same kind.

        Raises:
            ServiceError: the model failed; OutOfMemoryError where the device had no room.
        """
        keys = [(picture.digest, self._source, Proposals) for picture in pictures]
        found: dict[int, Proposals] = {
            i: hit for i, key in enumerate(keys) if (hit := self._cache.get(key, "proposals")) is not None
        }
        with self._lock:
            passes = self._passes(self.nouns or GENERAL)
            missing = [index for index in range(len(pictures)) if index not in found]
            seen: dict[int, list[list[Answer]]] = {index: [] for index in missing}
            for look in self._settings.looks:
                for indices, inputs in self._batches(missing, dict(enumerate(pictures)), look):
                    some = [pictures[index] for index in indices]
                    answers = [self._run(inputs, prompt, some, look.mirrored) for prompt in passes]
                    for row, index in enumerate(indices):
                        seen[index].append([answer[row] for answer in answers])
            for index, looks in seen.items():
                found[index] = made = proposals_of(looks, self._settings.suppress_iou)
                self._cache.put(keys[index], made, made.boxes.nbytes + made.scores.nbytes + made.features.nbytes)
        return [found[index] for index in range(len(pictures))]

    def forget(self, digest: str) -> None:
        """Drop everything remembered about one picture."""
        self._cache.forget(digest)

    def _detect_run(self, pictures: dict[int, Picture], phrases: tuple[str, ...]) -> dict[int, Detections]:
        """Answer the same phrases on several pictures, each once."""
        readings = {phrase: self._read(phrase) for phrase in phrases}
        places: dict[str, list[int]] = {}
        for phrase, reading in readings.items():
            if reading.asked:
                places.setdefault(reading.asked, []).append(phrases.index(phrase))
        words = tuple(places)
        keys = {index: (picture.digest, self._source, words) for index, picture in pictures.items()}
        known = {index: self._cache.get(key, "detections") for index, key in keys.items()}
        found: dict[int, Detections] = {index: hit for index, hit in known.items() if hit is not None}
        missing = [index for index in pictures if index not in found] if words else []
        passes = self._passes(words) if missing else []
        seen: dict[int, list[Detections]] = {index: [] for index in missing}
        for look in self._settings.looks:
            for indices, inputs in self._batches(missing, pictures, look):
                some = [pictures[index] for index in indices]
                answers = [self._run(inputs, prompt, some, look.mirrored) for prompt in passes]
                for row, index in enumerate(indices):
                    seen[index].append(self._settle([answer[row] for answer in answers], passes, words))
        for index, looks in seen.items():
            found[index] = detections = self._put_together(looks, words)
            size = detections.boxes.nbytes + detections.scores.nbytes + detections.phrase_indices.nbytes
            self._cache.put(keys[index], detections, size + 200)
        unknown = {phrases.index(phrase): told.why_not for phrase, told in readings.items() if told.why_not}
        return {
            index: _placed(found[index], list(places.values()), unknown) if words else Detections.none(unknown)
            for index in pictures
        }

    def _read(self, phrase: str) -> Reading:
        return Reading(phrase) if self._vocabulary is None else self._vocabulary.read(phrase)

    def _passes(self, words: Sequence[str]) -> list[PromptPass]:
        tokenizer = self._processor.tokenizer
        tokens = tokenizer(list(words), add_special_tokens=False)["input_ids"]
        stop = tokenizer.convert_tokens_to_ids(".")
        limit = self._model.config.max_text_len
        return pack(list(zip(words, tokens, strict=True)), tokenizer.cls_token_id, stop, tokenizer.sep_token_id, limit)

    def _batches(
        self, indices: Sequence[int], pictures: dict[int, Picture], look: LookSettings
    ) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
        """Neighbours of one prepared size together: padding to a common size would change what is found."""
        waiting: list[tuple[int, dict[str, torch.Tensor]]] = []
        size = {} if look.scale == 1 else {"size": scaled(self._processor.image_processor.size, look.scale)}
        for index in indices:
            pixels = _with_margin(pictures[index])
            if look.mirrored:
                pixels = np.ascontiguousarray(pixels[:, ::-1])
            began = time.perf_counter()
            with running(self._device, self._name):
                prepared = self._processor.image_processor(
                    [pixels], input_data_format="channels_last", return_tensors="pt", **size
                )
            self.model_seconds += time.perf_counter() - began
            shape = prepared["pixel_values"].shape
            room = self._pictures_per_pass or _PIXELS_PER_PASS[self._device.type] // (shape[-2] * shape[-1])
            if waiting and (len(waiting) >= room or waiting[0][1]["pixel_values"].shape != shape):
                yield self._stacked(waiting)
                waiting = []
            waiting.append((index, prepared))
        if waiting:
            yield self._stacked(waiting)

    def _stacked(
        self, waiting: Sequence[tuple[int, dict[str, torch.Tensor]]]
    ) -> tuple[list[int], dict[str, torch.Tensor]]:
        names = ("pixel_values", "pixel_mask")
        with running(self._device, self._name):
            stacked = {
                name: torch.cat([inputs[name] for _, inputs in waiting]).to(self._device)
                for name in names
                if name in waiting[0][1]
            }
        return [index for index, _ in waiting], stacked

    def _run(
        self, inputs: dict[str, torch.Tensor], prompt: PromptPass, pictures: Sequence[Picture], mirrored: bool = False
    ) -> list[Answer]:
        """One pass of the network: pictures of one size, one prompt."""
        began = time.perf_counter()
        with running(self._device, self._name, self._precision):
            ids = torch.tensor([prompt.token_ids] * len(pictures), device=self._device)
            output = self._model(**inputs, input_ids=ids, attention_mask=torch.ones_like(ids))
            scores = phrase_scores(output.logits.float(), prompt.spans, self._settings.phrase_score).cpu().numpy()
            boxes = output.pred_boxes.float().cpu().numpy()
        self.model_seconds += time.perf_counter() - began
        if mirrored:
            boxes[..., 0] = 1 - boxes[..., 0]
        return [Answer(_to_pixels(boxes[row], picture), scores[row]) for row, picture in enumerate(pictures)]

    def _put_together(self, looks: Sequence[Detections], words: Sequence[str]) -> Detections:
        """What several looks at one picture amount to."""
        if len(looks) == 1:
            return looks[0]
        boxes, scores, claimed = [], [], []
        for phrase in range(len(words)):
            mine = [look.phrase_indices == phrase for look in looks]
            some, their_scores = fuse(
                [(look.boxes[own], look.scores[own]) for look, own in zip(looks, mine, strict=True)]
            )
            likely = their_scores >= self.floor
            boxes.append(some[likely])
            scores.append(their_scores[likely])
            claimed.append(np.full(np.count_nonzero(likely), phrase, np.int64))
        every, every_score, phrases = np.concatenate(boxes), np.concatenate(scores), np.concatenate(claimed)
        kept = standing(every, every_score, phrases, words, self.threshold, self._settings.suppress_iou)
        return Detections(every[kept], every_score[kept], phrases[kept], any(look.saturated for look in looks))

    def _settle(self, answers: Sequence[Answer], passes: Sequence[PromptPass], words: Sequence[str]) -> Detections:
        """The boxes of one picture that stand at one look, over all its passes; indices are into `words`."""
        boxes, scores, claimed, saturated = [], [], [], False
        for answer, prompt in zip(answers, passes, strict=True):
            query, column = np.nonzero(answer.scores >= self.floor)
            boxes.append(answer.boxes[query])
            scores.append(answer.scores[query, column])
            claimed.append(np.array(prompt.phrases, np.int64)[column])
            busy = int((answer.scores.max(axis=1) >= self.threshold).sum())
            saturated |= busy >= _SATURATED * len(answer.scores)
        everything, every_score, phrase = np.concatenate(boxes), np.concatenate(scores), np.concatenate(claimed)
        kept = standing(everything, every_score, phrase, words, self.threshold, self._settings.suppress_iou)
        return Detections(everything[kept], every_score[kept], phrase[kept], saturated)


def scaled(size: Any, scale: float) -> dict[str, int]:
    """A picture processor's `size`, its edges or sides times a scale, as the processor takes it for one call."""
    names = ("height", "width", "shortest_edge", "longest_edge")
    return {name: round(scale * side) for name in names if (side := getattr(size, name, None))}


def _placed(found: Detections, places: Sequence[Sequence[int]], unknown: Mapping[int, str]) -> Detections:
    """The same boxes under the phrases they were asked for: each word's `places`; a box for every one of these."""
    copies = [(row, place) for row, word in enumerate(found.phrase_indices) for place in places[word]]
    rows, indices = np.array(copies, np.int64).reshape(-1, 2).T
    return Detections(found.boxes[rows], found.scores[rows], indices, found.saturated, unknown)


def phrase_scores(logits: torch.Tensor, spans: Sequence[tuple[int, int]], how: str) -> torch.Tensor:
    """Each query's score for each phrase, from the tokens of the phrase.

    Args:
        logits: (B, Q, T) float32, one a token of the prompt.
        spans: P times [start, stop) among the tokens.
        how: "max", as the reference post-processing scores a box; "mean" or "min", for weights trained to raise every
            token of a phrase only where the whole phrase is true.

    Returns:
        (B, Q, P) float32 in [0, 1].
    """
    chances = logits.sigmoid()
    reduce: dict[str, Any] = {"max": torch.amax, "mean": torch.mean, "min": torch.amin}
    return torch.stack([reduce[how](chances[..., start:stop], dim=-1) for start, stop in spans], dim=-1)


def _framed(picture: Picture) -> tuple[int, int]:
    """Width and height of the picture with its margin, pixels; without one for all but the narrowest."""
    return (
        max(picture.width, -(-picture.height // _LONGEST_SHAPE)),
        max(picture.height, -(-picture.width // _LONGEST_SHAPE)),
    )


def _with_margin(picture: Picture) -> NDArray[np.uint8]:
    """The picture's (H, W, 3) uint8 array, its last row or column repeated where it is too narrow."""
    width, height = _framed(picture)
    if (width, height) == (picture.width, picture.height):
        return picture.array
    return np.pad(picture.array, ((0, height - picture.height), (0, width - picture.width), (0, 0)), mode="edge")


def _to_pixels(boxes: NDArray[np.float32], picture: Picture) -> NDArray[np.float32]:
    """(Q, 4) centre, size as shares of the picture with its margin → (Q, 4) float32 xyxy pixels inside the picture."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    corners = np.concatenate([centre - half, centre + half], axis=1) * np.array(_framed(picture) * 2, np.float32)
    return np.asarray(np.clip(corners, 0, np.array([picture.width, picture.height] * 2)), np.float32)
