"""Models of the published sizes with random weights, saved as folders that the product opens like any other.

Where no hub can be reached there are no weights, but speed does not depend on them; their shapes are in
`random_models`. The tokenizer has BERT's special tokens at BERT's numbers and every letter as a word piece; what it
reads is as long as BERT's text in tokens, within a few.
"""

from __future__ import annotations

import os
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Boxes
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Prompt
from agent_tools.services.sam import Sam
from agent_tools.services.views import View
from benchmarks import random_models

SPECIAL = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
WORDS = ("apple", "bottle", "box", "can", "cup", "jar", "lemon", "orange", "red", "green", "blue", "a", "in", "the")


def tokenizer() -> Any:
    """A BERT tokenizer of a few words, with special tokens where Grounding DINO looks for them."""
    from transformers import BertTokenizer

    vocabulary = [f"[unused{index}]" for index in range(1030)]
    for index, token in SPECIAL.items():
        vocabulary[index] = token
    vocabulary += [*WORDS, *(f"{mark}{letter}" for mark in ("", "##") for letter in string.ascii_lowercase)]
    return BertTokenizer(vocab={word: index for index, word in enumerate(dict.fromkeys(vocabulary))})


def save_detector(folder: Path) -> Path:
    """Grounding DINO tiny (Swin-T, 172 million weights), in a folder."""
    from transformers import GroundingDinoImageProcessorPil, GroundingDinoProcessor

    random_models.grounding_dino().save_pretrained(folder)
    GroundingDinoProcessor(GroundingDinoImageProcessorPil(), tokenizer()).save_pretrained(folder)
    return folder


def save_segmenter(folder: Path) -> Path:
    """SAM ViT-B (94 million weights), in a folder."""
    from transformers import SamImageProcessorPil, SamProcessor

    random_models.sam("base").save_pretrained(folder)
    SamProcessor(SamImageProcessorPil()).save_pretrained(folder)
    return folder


def save_late_detector(folder: Path) -> Path:
    """OWLv2 base (ViT-B/16 at 960 pixels, 155 million weights), in a folder."""
    import torch
    from transformers import CLIPTokenizer, Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessorPil, Owlv2Processor

    torch.manual_seed(0)
    config = Owlv2Config(vision_config={"image_size": 960})
    letters = [f"{letter}{end}" for end in ("", "</w>") for letter in string.ascii_lowercase]
    vocabulary = {token: index for index, token in enumerate(["!", *letters])}
    vocabulary |= {"<|startoftext|>": 49406, "<|endoftext|>": 49407}
    marks = {"pad_token": "!", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>"}
    Owlv2ForObjectDetection(config).save_pretrained(folder)
    Owlv2Processor(Owlv2ImageProcessorPil(), CLIPTokenizer(vocab=vocabulary, merges=[], **marks)).save_pretrained(
        folder
    )
    return folder


class KnownBoxes:
    """Runs a detector and answers with boxes given beforehand: its real time, and exactly the objects it is about."""

    def __init__(self, inner: Any, boxes: Boxes) -> None:
        self.inner, self.boxes = inner, boxes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """See `Detector.detect`; the time is the real detector's."""
        self.inner.detect(pictures, phrases)
        rows = len(self.boxes)
        return [Detections(self.boxes, np.full(rows, 0.9, np.float32), np.zeros(rows, np.int64)) for _ in pictures]


class SmoothSam(Sam):
    """Runs SAM and answers with an ellipse in each prompt's box: its real time, and masks as whole as real ones.

    The logits of random weights are noise, and masks of noise are a thousand times as long as those of things.
    """

    def _decode(
        self, encodings: Mapping[View, Any], prompts: Sequence[Prompt], views: Sequence[View]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits, ious = super()._decode(encodings, prompts, views)
        cells = logits.shape[-1]
        rows, columns = np.mgrid[:cells, :cells].astype(np.float32)
        for index, (prompt, view) in enumerate(zip(prompts, views, strict=True)):
            spot = prompt.points.mean(axis=0) if prompt.points is not None else np.zeros(2, np.float32)
            corners = np.stack([spot - 200, spot + 200]) if prompt.box is None else prompt.box.reshape(2, 2)
            (left, top), (right, bottom) = view.to_square(corners.astype(np.float32)) * (view.cells / view.square)
            across = (columns - (left + right) / 2) / ((right - left) / 2)
            down = (rows - (top + bottom) / 2) / ((bottom - top) / 2)
            logits[index] = np.clip(6 * (1 - np.hypot(across, down)), -20, 20)
        return logits, ious


def smooth_sam() -> SmoothSam:
    """What ``--segmenter benchmarks.full_size:smooth_sam`` opens: the folder in ``SMOOTH_SAM_FOLDER``."""
    return SmoothSam(os.environ["SMOOTH_SAM_FOLDER"])


def picture_of(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """(height, width, 3) uint8: soft blobs of colour with some grain, so that a JPEG of it is of a usual size."""
    import cv2

    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (12, 16, 3), np.uint8)
    smooth: NDArray[np.int16] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    smooth += rng.integers(-12, 13, (height, width, 1), np.int16)
    return smooth.clip(0, 255).astype(np.uint8)


def grid_of_boxes(count: int, width: int, height: int) -> Boxes:
    """(count, 4) float32 xyxy: boxes of a grid that fills most of a picture."""
    columns = int(np.ceil(np.sqrt(count * width / height)))
    rows = -(-count // columns)
    wide, high = width / columns, height / rows
    spots = [(index % columns, index // columns) for index in range(count)]
    return np.array(
        [((x + 0.15) * wide, (y + 0.15) * high, (x + 0.85) * wide, (y + 0.85) * high) for x, y in spots], np.float32
    )
