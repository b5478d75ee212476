"""Segment Anything behind the Segmenter protocol, on transformers' SamModel.

A picture is encoded once; every prompt on it after that is decoded from the cached encoding. Method and file of
origin: Kirillov et al. 2023, "Segment Anything"; segment-anything's predictor and automatic mask generator. This
module does not know phrases, handles or conversations.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from numpy.typing import NDArray
from transformers import AutoModelForMaskGeneration

from agent_tools.errors import ServiceError, shorten
from agent_tools.masks import Mask
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, SegmentRequest, Segments
from agent_tools.services.checkpoints import CheckpointSettings, locate, open_model
from agent_tools.services.devices import choose_device, running
from agent_tools.services.drawn_prompts import drawn_prompts
from agent_tools.services.encodings import EncodingCache

STABILITY_OFFSET = 1.0
"""Logits above and below the cut between which a stable mask hardly changes, as in segment-anything's generator."""
_CELLS_PER_PASS = {"cpu": 4 * 64 * 64, "cuda": 128 * 64 * 64, "mps": 16 * 64 * 64}
"""Prompts of a pass times cells of the encoding: a CPU gains nothing from more, a GPU fills up."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """How a picture lies in the square the model sees.

    Attributes:
        width: of the picture, pixels.
        height: of the picture, pixels.
        shrunk_width: of the picture inside the square, pixels of the square.
        shrunk_height: of the picture inside the square, pixels of the square.
        square: side of the square, pixels.
        cells: side of the mask logits.
    """

    width: int
    height: int
    shrunk_width: int
    shrunk_height: int
    square: int
    cells: int

    def to_square(self, coordinates: NDArray[np.float32]) -> NDArray[np.float32]:
        """(..., 2) float32 x, y in pixels of the picture → pixels of the square."""
        scale = np.array([self.shrunk_width / self.width, self.shrunk_height / self.height], np.float32)
        return coordinates * scale

    def upsampling(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Matrices (H, cells) and (W, cells), float32: ``rows @ logits @ columns.T`` is the mask at picture size.

        The reference enlarges the logits to the square, crops the picture out and resizes it, each bilinearly. Both
        steps are linear and separable, so that their product gives any window of the result without the rest of it.
        """
        eye = torch.eye(self.cells, device=device)[None]

        def along(shrunk: int, full: int) -> torch.Tensor:
            square = F.interpolate(eye, size=self.square, mode="linear", align_corners=False)[..., :shrunk]
            return F.interpolate(square, size=full, mode="linear", align_corners=False)[0].T.contiguous()

        return along(self.shrunk_height, self.height), along(self.shrunk_width, self.width)


class Sam:
    """A segmenter that takes points, boxes, masks and mixes of them.

    A single point and nothing else is ambiguous (the button, the shirt, the person), so it gets the model's three
    candidates; anything more gets one.

    Attributes:
        model_seconds: time spent inside the network so far, everything of ours left out.
    """

    def __init__(
        self,
        source: str | Path,
        device: str = "auto",
        cache: EncodingCache | None = None,
        prompts_per_pass: int | None = None,
    ) -> None:
        """Opens the model.

        Args:
            source: a folder, or a hub id; `askmask.json` beside the weights is honoured.
            device: auto, cpu, cuda:n or mps.
            cache: shared with other services; None makes one of the configured size.
            prompts_per_pass: prompts decoded together; None: what suits the device and the model.

        Raises:
            ConfigError: no such model or device.
            ServiceError: the hub cannot be reached.
        """
        self._source = str(source)
        self._name = f"segmenter={shorten(source)}"
        folder = locate(source, "segmenter")
        self._device = choose_device(device)
        self._model, self._processor = open_model(
            folder, self._source, "segmenter", {"sam": AutoModelForMaskGeneration}
        )
        with running(self._device, self._name):
            self._model.to(self._device)
        own = CheckpointSettings.read(folder)
        self._mask_prompt_logit, self._draw_prompts = own.mask_prompt_logit, own.draw_prompts
        self.model_seconds = 0.0
        self._cache = EncodingCache.configured() if cache is None else cache
        vision = self._model.config.vision_config
        self._square, self._tokens = int(vision.image_size), int(vision.image_size // vision.patch_size)
        fitting = _CELLS_PER_PASS[self._device.type] // self._tokens**2
        self._prompts_per_pass = prompts_per_pass or max(1, fitting)
        self._lock = Lock()

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """One list of Segments a request, one Segments a prompt, in order; see `Segmenter.segment`.

        Raises:
            ServiceError: the model failed; OutOfMemoryError where the device had no room.
        """
        with self._lock:
            return [self._segment_one(request) for request in requests]

    def forget(self, digest: str) -> None:
        """Drop everything remembered about one picture."""
        self._cache.forget(digest)

    def _segment_one(self, request: SegmentRequest) -> list[Segments]:
        prompts = list(request.prompts)
        if not prompts:
            return []
        frame = self._frame(request.picture)
        for prompt in prompts:
            if prompt.mask is not None and (prompt.mask.width, prompt.mask.height) != (frame.width, frame.height):
                raise ServiceError(
                    f"prompt mask size={[prompt.mask.height, prompt.mask.width]} differs from the picture: "
                    f"expected {[frame.height, frame.width]}. Pass a mask of this picture."
                )
        encoding = self._encode(request.picture)
        with running(self._device, self._name):
            rows, columns = frame.upsampling(self._device)
        answers: dict[int, Segments] = {}
        for indices in self._alike(prompts):
            logits, ious = self._decode(encoding, [prompts[index] for index in indices], frame)
            with running(self._device, self._name):
                for row, index in enumerate(indices):
                    answers[index] = _to_segments(logits[row], ious[row], rows, columns)
        return [answers[index] for index in range(len(prompts))]

    def _frame(self, picture: Picture) -> _Frame:
        scale = self._square / max(picture.width, picture.height)
        shrunk = [max(1, int(side * scale + 0.5)) for side in (picture.width, picture.height)]
        return _Frame(picture.width, picture.height, shrunk[0], shrunk[1], self._square, 4 * self._tokens)

    def _encode(self, picture: Picture) -> torch.Tensor:
        """The picture's encoding, (1, C, T, T), from the cache where it is there."""
        key = (picture.digest, self._source, "encoding")
        known: torch.Tensor | None = self._cache.get(key)
        if known is not None:
            return known
        with running(self._device, self._name, half=True):
            prepared = self._processor.image_processor(
                [picture.array], input_data_format="channels_last", return_tensors="pt"
            )
            began = time.perf_counter()
            pixels = prepared["pixel_values"].to(self._device)
            encoding: torch.Tensor = self._model.get_image_embeddings(pixels).float()
            self.model_seconds += time.perf_counter() - began
        self._cache.put(key, encoding, encoding.nbytes)
        return encoding

    def _alike(self, prompts: Sequence[Prompt]) -> Iterator[list[int]]:
        """Indices of prompts of one make, a pass at a time.

        Prompts with different numbers of points are never padded to one: the model attends to padding points too, and
        a prompt's answer would depend on its neighbours.
        """
        makes: dict[tuple[int, bool, bool], list[int]] = {}
        for index, prompt in enumerate(prompts):
            points = 0 if prompt.points is None else len(prompt.points)
            makes.setdefault((points, prompt.box is not None, prompt.mask is not None), []).append(index)
        for indices in makes.values():
            for begin in range(0, len(indices), self._prompts_per_pass):
                yield indices[begin : begin + self._prompts_per_pass]

    def _decode(
        self, encoding: torch.Tensor, prompts: Sequence[Prompt], frame: _Frame
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One pass of the decoder over prompts of one make: logits (N, C, cells, cells) and IoU (N, C), float32."""
        points = self._stack([frame.to_square(prompt.points) for prompt in prompts if prompt.points is not None])
        labels = self._stack([prompt.labels for prompt in prompts if prompt.labels is not None])
        corners = [frame.to_square(prompt.box.reshape(2, 2)).ravel() for prompt in prompts if prompt.box is not None]
        boxes = self._stack(corners)
        masks = self._stack([self._mask_prompt(prompt.mask, frame) for prompt in prompts if prompt.mask is not None])
        lone_point = points is not None and points.shape[2] == 1 and boxes is None and masks is None
        if self._draw_prompts:
            masks = self._drawn(points, labels, boxes, masks, frame)
        with running(self._device, self._name, half=True):
            began = time.perf_counter()
            output = self._model(
                image_embeddings=encoding.expand(len(prompts), -1, -1, -1),
                input_points=points,
                input_labels=labels,
                input_boxes=boxes,
                input_masks=masks,
                multimask_output=lone_point,
            )
            logits, ious = output.pred_masks[:, 0].float(), output.iou_scores[:, 0].float()
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)
            self.model_seconds += time.perf_counter() - began
        return logits, ious

    def _stack(self, arrays: Sequence[NDArray[Any]]) -> torch.Tensor | None:
        """One array a prompt → (N, 1, ...) on the device; None where the prompts of this make have none."""
        return torch.from_numpy(np.stack(arrays))[:, None].to(self._device) if arrays else None

    def _drawn(
        self,
        points: torch.Tensor | None,
        labels: torch.Tensor | None,
        boxes: torch.Tensor | None,
        masks: torch.Tensor | None,
        frame: _Frame,
    ) -> torch.Tensor:
        """The prompts of `_decode` as a mask input, (N, 1, cells, cells), for weights that were taught with it."""
        per_pixel = frame.cells / frame.square
        drawn = drawn_prompts(
            frame.cells,
            None if points is None else points[:, 0] * per_pixel,
            None if labels is None else labels[:, 0],
            None if boxes is None else boxes[:, 0] * per_pixel,
            None if masks is None else masks[:, 0],
        )
        return drawn[:, None]

    def _mask_prompt(self, mask: Mask, frame: _Frame) -> NDArray[np.float32]:
        """An earlier mask as the decoder takes it: (cells, cells) float32 logits over the square."""
        per_pixel = frame.cells / frame.square
        width = max(1, round(frame.shrunk_width * per_pixel))
        height = max(1, round(frame.shrunk_height * per_pixel))
        share = np.zeros((frame.cells, frame.cells), np.float32)
        dense = mask.to_array().astype(np.float32)
        share[:height, :width] = cv2.resize(dense, (width, height), interpolation=cv2.INTER_AREA)
        return (2 * share - 1) * np.float32(self._mask_prompt_logit)


def _to_segments(logits: torch.Tensor, ious: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> Segments:
    """The candidates of one prompt, best first.

    Args:
        logits: (C, cells, cells) float32.
        ious: (C,) float32.
        rows: (H, cells) float32, from `_Frame.upsampling`.
        columns: (W, cells) float32, likewise.
    """
    order = torch.argsort(ious, descending=True, stable=True).tolist()
    cut = [_cut(logits[candidate], rows, columns) for candidate in order]
    return Segments(
        masks=[mask for mask, _ in cut],
        predicted_iou=ious[order].clamp(0, 1).cpu().numpy(),
        stability=np.array([stability for _, stability in cut], np.float32),
    )


def _cut(logits: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> tuple[Mask, float]:
    """A mask at picture size and its stability, worked out only where the logits rise towards the cut."""
    height, width = len(rows), len(columns)
    near = logits > -STABILITY_OFFSET
    # A bilinear value is a mean of its neighbours: where none of them is near the cut, neither is the value.
    down = torch.nonzero(rows @ near.any(dim=1).float()).flatten()
    across = torch.nonzero(columns @ near.any(dim=0).float()).flatten()
    if not len(down) or not len(across):
        return Mask.from_crop(np.zeros((0, 0)), 0, 0, height, width), 0.0
    top, bottom, left, right = int(down[0]), int(down[-1]) + 1, int(across[0]), int(across[-1]) + 1
    window = rows[top:bottom] @ logits @ columns[left:right].T
    sure = int((window > STABILITY_OFFSET).sum())
    possible = int((window > -STABILITY_OFFSET).sum())
    mask = Mask.from_crop((window > 0).cpu().numpy(), left, top, height, width)
    return mask, sure / possible if possible else 0.0
