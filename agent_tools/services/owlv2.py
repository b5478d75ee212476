"""OWLv2 behind the Detector protocol, on transformers' model: the picture and the words meet only at the very end.

The picture is encoded once, into a description and a box for each of its patches; a phrase is encoded once, whatever
the picture; a score is the inner product of both. So a new phrase on a known picture costs milliseconds, where
Grounding DINO, which is more accurate, needs a whole pass. Method: Minderer et al. 2023, "Scaling Open-Vocabulary
Object Detection". This module does not know masks, handles or conversations.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForZeroShotObjectDetection

from agent_tools.errors import ToolInputError, shorten
from agent_tools.masks import box_area, suppress
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Proposals, check_lists
from agent_tools.services.checkpoints import CheckpointSettings, locate, open_model
from agent_tools.services.devices import choose_device, running
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.phrases import clean_phrase
from agent_tools.services.precision import choose_precision, keep_exact, store
from agent_tools.services.suppression import standing
from agent_tools.services.tiling import InputSize

THRESHOLD, FLOOR = 0.2, 0.1
"""Where the checkpoint has no askmask.json: between the 0.1 of transformers' examples and what the paper draws."""
_SENTENCE = "a photo of a {}"
"""What phrases are read as, one of the sentences that the weights were trained with."""
_GREY = 0.5
"""What the model sees below and to the right of a picture that is not square, black to white being 0 to 1: as in the
authors' own code. transformers' processor puts black there."""
_PIXELS_PER_PASS = {"cpu": 960 * 960, "cuda": 16 * 960 * 960, "mps": 2 * 960 * 960}


@dataclass(frozen=True, slots=True)
class _Encoded:
    """One picture, as far as it can be known without a phrase. N patches.

    Attributes:
        described: (N, D) float32, each patch's description, of length 1.
        shift: (N, 1) float32, added to an inner product.
        scale: (N, 1) float32, times that sum.
        boxes: (N, 4) float32 centre x, y, width and height, as shares of the square.
        whole: (N,) float32 logits, how sure the model is of a thing there, whatever it is.
    """

    described: torch.Tensor
    shift: torch.Tensor
    scale: torch.Tensor
    boxes: torch.Tensor
    whole: torch.Tensor

    def to(self, device: torch.device | str) -> _Encoded:
        return _Encoded(*(getattr(self, name).to(device) for name in self.__slots__))

    @property
    def size_bytes(self) -> int:
        return sum(getattr(self, name).nbytes for name in self.__slots__)


class Owlv2:
    """A detector for which every further phrase on a picture is cheap.

    Attributes:
        threshold: score where a hit begins.
        floor: lowest score of the candidates that come back.
        precision_curve: (score, precision) pairs measured for these weights; empty where unknown.
        nouns: empty: the weights read any phrase.
        input_size: the square that pictures are scaled into.
        tiling: when looks at parts of a picture pay for these weights; see `tiling`.
        likeness: how alike two proposals have to be, for these weights, to be of one kind.
        model_seconds: time spent in the network and in preparing pictures for it.
    """

    threshold: float
    floor: float

    def __init__(self, source: str | Path, device: str = "auto", cache: EncodingCache | None = None) -> None:
        """Opens the model.

        Args:
            source: a folder, or a hub id; `askmask.json` beside the weights is honoured.
            device: auto, cpu, cuda:n or mps.
            cache: shared with other services; None makes one of the configured size.

        Raises:
            ConfigError: no such model or device.
            ServiceError: the hub cannot be reached.
        """
        self._source = str(source)
        self._name = f"detector={shorten(source)}"
        folder = locate(source, "detector")
        self._device = choose_device(device)
        self._model, self._processor = open_model(
            folder, self._source, "detector", {"owlv2": AutoModelForZeroShotObjectDetection}
        )
        with running(self._device, self._name):
            self._model.to(self._device)
        own = CheckpointSettings.read(folder)
        self.threshold = THRESHOLD if own.threshold is None else own.threshold
        self.floor = min(FLOOR, self.threshold) if own.floor is None else own.floor
        self.precision_curve, self.tiling, self.likeness = own.precision_curve, own.tiling, own.likeness
        self.nouns: tuple[str, ...] = ()
        self._suppress_iou = own.suppress_iou
        self._side = int(self._model.config.vision_config.image_size)
        self.input_size = InputSize(self._side, self._side)
        self._together = max(1, _PIXELS_PER_PASS[self._device.type] // self._side**2)
        vision = self._model.owlv2.vision_model
        tokens = (self._side // self._model.config.vision_config.patch_size) ** 2
        work = sum(weight.numel() for weight in vision.parameters()) * tokens
        self._precision = choose_precision(self._device, work)
        store(vision, self._precision)
        keep_exact(self._model.box_head)
        self.model_seconds = 0.0
        self._cache = EncodingCache.configured() if cache is None else cache
        self._lock = Lock()

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """Find every phrase of ``phrases[i]`` on ``pictures[i]``; see `Detector.detect`.

        A phrase given twice is answered at its first place; one without a word in it finds nothing.

        Raises:
            ServiceError: the model failed; OutOfMemoryError where the device had no room.
            ToolInputError: a phrase is longer than the model can read.
        """
        check_lists(pictures, phrases)
        asked = [tuple(clean_phrase(phrase) for phrase in some) for some in phrases]
        with self._lock:
            words = self._words(sorted({phrase for some in asked for phrase in some if phrase}))
            known = self._encode([picture for picture, some in zip(pictures, asked, strict=True) if any(some)])
            return [
                self._answer(picture, known[picture.digest], some, words) if any(some) else Detections.none()
                for picture, some in zip(pictures, asked, strict=True)
            ]

    def propose(self, pictures: Sequence[Picture]) -> list[Proposals]:
        """Everything that may be one whole thing on each picture, with its description; see `Proposer`.

        Raises:
            ServiceError: the model failed; OutOfMemoryError where the device had no room.
        """
        with self._lock:
            known = self._encode(pictures)
        made = []
        for picture in pictures:
            encoded = known[picture.digest]
            boxes = _to_pixels(encoded.boxes.cpu().numpy(), picture)
            scores = encoded.whole.sigmoid().cpu().numpy()
            likely = np.flatnonzero((scores >= self.floor) & (box_area(boxes) >= 1))
            kept = likely[suppress(boxes[likely], scores[likely], self._suppress_iou)]
            made.append(Proposals(boxes[kept], scores[kept], encoded.described.cpu().numpy()[kept]))
        return made

    def forget(self, digest: str) -> None:
        """Drop everything remembered about one picture."""
        self._cache.forget(digest)

    def _answer(
        self, picture: Picture, encoded: _Encoded, asked: Sequence[str], words: Mapping[str, torch.Tensor]
    ) -> Detections:
        """What stands of all patches and phrases."""
        places = {phrase: asked.index(phrase) for phrase in asked if phrase}
        with running(self._device, self._name):
            alike = encoded.described @ torch.stack([words[phrase] for phrase in places]).T
            scores = ((alike + encoded.shift) * encoded.scale).sigmoid()
            patch, column = (scores >= self.floor).nonzero(as_tuple=True)
            some = scores[patch, column].cpu().numpy()
            boxes = _to_pixels(encoded.boxes[patch].cpu().numpy(), picture)
        claimed = column.cpu().numpy()
        kept = standing(boxes, some, claimed, list(places), self.threshold, self._suppress_iou)
        return Detections(boxes[kept], some[kept], np.array(list(places.values()), np.int64)[claimed[kept]])

    def _words(self, phrases: Sequence[str]) -> dict[str, torch.Tensor]:
        """Each phrase's embedding, (D,) float32 of length 1, from the cache where it is there."""
        keys = {phrase: ("", self._source, phrase) for phrase in phrases}
        known = {phrase: hit for phrase, key in keys.items() if (hit := self._cache.get(key, "phrases")) is not None}
        missing = [phrase for phrase in phrases if phrase not in known]
        if not missing:
            return known
        tokenizer, longest = self._processor.tokenizer, self._model.config.text_config.max_position_embeddings
        tokens = tokenizer([_SENTENCE.format(phrase) for phrase in missing])["input_ids"]
        for phrase, ids in zip(missing, tokens, strict=True):
            if len(ids) > longest:
                raise ToolInputError(
                    f"phrase={shorten(phrase)} is {len(ids) - longest} tokens too long: expected at most {longest} "
                    "with its sentence. Shorten it."
                )
        began = time.perf_counter()
        with running(self._device, self._name):
            padded = tokenizer.pad(
                {"input_ids": tokens}, padding="max_length", max_length=longest, return_tensors="pt"
            ).to(self._device)
            embedded = self._model.owlv2.get_text_features(**padded).pooler_output
            unit = embedded / (embedded.norm(dim=-1, keepdim=True) + 1e-6)
        self.model_seconds += time.perf_counter() - began
        for phrase, row in zip(missing, unit, strict=True):
            known[phrase] = row.clone()
            self._cache.put(keys[phrase], known[phrase], row.nbytes)
        return known

    def _encode(self, pictures: Sequence[Picture]) -> dict[str, _Encoded]:
        """What is known of each picture, by digest, from the cache where it is there."""
        known: dict[str, _Encoded] = {}
        missing: dict[str, Picture] = {}
        for picture in {picture.digest: picture for picture in pictures}.values():
            hit = self._cache.get((picture.digest, self._source, _Encoded))
            if hit is None:
                missing[picture.digest] = picture
            else:
                known[picture.digest] = hit.to(self._device)
        waiting = list(missing.values())
        for begin in range(0, len(waiting), self._together):
            some = waiting[begin : begin + self._together]
            for picture, encoded in zip(some, self._encoded(some), strict=True):
                known[picture.digest] = encoded
                to_host = None if self._device.type == "cpu" else _on_host
                self._cache.put((picture.digest, self._source, _Encoded), encoded, encoded.size_bytes, to_host)
        return known

    def _encoded(self, pictures: Sequence[Picture]) -> list[_Encoded]:
        """One pass of the picture's half of the network."""
        began = time.perf_counter()
        model = self._model
        with running(self._device, self._name, self._precision):
            pixels = np.stack([self._prepared(picture) for picture in pictures])
            seen = model.image_embedder(torch.from_numpy(pixels).to(self._device))[0]
            patches = seen.flatten(1, 2)
            head = model.class_head
            described = head.dense0(patches).float()
            described /= described.norm(dim=-1, keepdim=True) + 1e-6
            shift, scale = head.logit_shift(patches).float(), head.elu(head.logit_scale(patches)).float() + 1
            boxes, whole = model.box_predictor(patches, seen).float(), model.objectness_predictor(patches).float()
        self.model_seconds += time.perf_counter() - began
        # Copies, so that forgetting one picture frees its memory though others were encoded with it.
        return [
            _Encoded(*(part[row].clone() for part in (described, shift, scale, boxes, whole)))
            for row in range(len(pictures))
        ]

    def _prepared(self, picture: Picture) -> NDArray[np.float32]:
        """(3, S, S) float32: the picture at the top left of the model's square, normalised; the rest is grey."""
        images = self._processor.image_processor
        scale = self._side / max(picture.width, picture.height)
        width, height = (max(1, round(side * scale)) for side in (picture.width, picture.height))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        square = np.full((self._side, self._side, 3), _GREY, np.float32)
        seen = cv2.resize(picture.array, (width, height), interpolation=how)
        square[:height, :width] = seen * np.float32(images.rescale_factor)
        normal = (square - np.array(images.image_mean, np.float32)) / np.array(images.image_std, np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1))


def _on_host(encoded: _Encoded) -> _Encoded:
    return encoded.to("cpu")


def _to_pixels(boxes: NDArray[np.float32], picture: Picture) -> NDArray[np.float32]:
    """(N, 4) centre, size as shares of the square → (N, 4) float32 xyxy pixels inside the picture."""
    centre, half = boxes[:, :2], boxes[:, 2:] / 2
    corners = np.concatenate([centre - half, centre + half], axis=1) * max(picture.width, picture.height)
    return np.asarray(np.clip(corners, 0, np.array([picture.width, picture.height] * 2)), np.float32)
