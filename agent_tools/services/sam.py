"""Segment Anything behind the Segmenter protocol, on transformers' SamModel.

A picture is encoded once; every prompt on it after that is decoded from the cached encoding. Method and file of
origin: Kirillov et al. 2023, "Segment Anything"; segment-anything's predictor and automatic mask generator. This
module does not know phrases, handles or conversations.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForMaskGeneration

from agent_tools.errors import ServiceError, shorten
from agent_tools.masks import Mask
from agent_tools.pictures import Picture
from agent_tools.services.automatic import LEAST_IOU, LEAST_STABILITY
from agent_tools.services.base import Prompt, SegmentRequest, Segments
from agent_tools.services.checkpoints import CheckpointSettings, locate, open_model
from agent_tools.services.cuda_graphs import replay
from agent_tools.services.devices import choose_device, running
from agent_tools.services.drawn_prompts import drawn_prompts
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.original_sam import open_original_sam
from agent_tools.services.outlines import LEAST_MARGIN, MARGIN, snapped
from agent_tools.services.precision import choose_precision, keep_exact, store
from agent_tools.services.views import Axis, View, choose_views

Floats = NDArray[np.float32]
_Look = tuple[str, View]
"""A picture's digest and a view of it."""

STABILITY_OFFSET = 1.0
"""Logits above and below the cut between which a stable mask hardly changes, as in segment-anything's generator."""
_CELLS_PER_PASS = {"cpu": 4 * 64 * 64, "cuda": 128 * 64 * 64, "mps": 16 * 64 * 64}
"""Prompts of a pass times cells of the encoding: a CPU gains nothing from more, a GPU fills up."""
_CELLS_ENCODED = {"cpu": 64 * 64, "cuda": 16 * 64 * 64, "mps": 2 * 64 * 64}
"""Views encoded together times cells of the encoding: one of a published size on a CPU, many of a small model's."""


class Sam:
    """A segmenter that takes points, boxes, masks and mixes of them.

    A single point and nothing else is ambiguous (the button, the shirt, the person), so it gets the model's three
    candidates; anything more gets one.

    Weights that want closer looks (`zoom` in their `askmask.json`) see small things enlarged: a thing of known size at
    once, one that was only clicked at after a first answer has told its size.

    Attributes:
        input_side: pixels that the longer side of a picture is scaled to.
        zoom: share of each side that closer looks show; 0: there are none.
        least_iou: predicted IoU that a mask nobody asked for needs, for these weights; see `automatic`.
        least_stability: likewise of its stability.
        model_seconds: time spent in the network and the picture processor that belongs to it, ours left out.
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
            source: a folder, a hub id, or a file of Segment Anything's authors (``.pth``); an `askmask.json` in the
                folder is honoured.
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
        self._model, self._processor = (
            open_original_sam(folder, self._name)
            if folder.is_file()
            else open_model(folder, self._source, "segmenter", {"sam": AutoModelForMaskGeneration})
        )
        with running(self._device, self._name):
            self._model.to(self._device)
        own = CheckpointSettings.read(folder)
        self._mask_prompt_logit, self._draw_prompts, self.zoom = own.mask_prompt_logit, own.draw_prompts, own.zoom
        self._snap = own.snap_outlines
        self.least_iou = LEAST_IOU if own.least_iou is None else own.least_iou
        self.least_stability = LEAST_STABILITY if own.least_stability is None else own.least_stability
        self.model_seconds = 0.0
        self._cache = EncodingCache.configured() if cache is None else cache
        vision = self._model.config.vision_config
        self.input_side, self._tokens = int(vision.image_size), int(vision.image_size // vision.patch_size)
        encoder = self._model.vision_encoder
        work = sum(weight.numel() for weight in encoder.parameters()) * self._tokens**2
        self._precision = choose_precision(self._device, work)
        self._decoder_precision = prepare(self._model, self._device, self._precision)
        cells = self._tokens**2
        self._together = max(1, _CELLS_ENCODED[self._device.type] // cells)
        self._prompts_per_pass = prompts_per_pass or max(1, _CELLS_PER_PASS[self._device.type] // cells)
        self._lock = Lock()

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """One list of Segments a request, one Segments a prompt, in order; see `Segmenter.segment`.

        Raises:
            ServiceError: the model failed; OutOfMemoryError where the device had no room.
        """
        for request in requests:
            _check(request)
        answers: list[list[Segments]] = []
        with self._lock:
            for begin in range(0, len(requests), self._together):
                answers += self._segment_some(requests[begin : begin + self._together])
        return answers

    def forget(self, digest: str) -> None:
        """Drop everything remembered about one picture."""
        self._cache.forget(digest)

    def _segment_some(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """Pictures encoded side by side, whoever asks about them; then each answered on its own."""
        extents = [[_extent(prompt) for prompt in request.prompts] for request in requests]
        views = [self._views(one.picture, some) for one, some in zip(requests, extents, strict=True)]
        every = [(one.picture, view) for one, some in zip(requests, views, strict=True) for view in some]
        encodings = self._encode(every)
        return [self._segment_one(*each, encodings) for each in zip(requests, extents, views, strict=True)]

    def _segment_one(
        self,
        request: SegmentRequest,
        extents: Sequence[NDArray[np.float32] | None],
        views: Sequence[View],
        encodings: Mapping[_Look, torch.Tensor],
    ) -> list[Segments]:
        picture, prompts = request.picture, list(request.prompts)
        answers = self._look(picture, prompts, views, encodings)
        # Clicks do not say how large their thing is; the first answer does.
        unsized = [index for index, extent in enumerate(extents) if extent is None and answers[index].masks[0].area]
        if self.zoom and unsized:
            seen = {index: replace(prompts[index], mask=answers[index].masks[0]) for index in unsized}
            views = self._views(picture, [_extent(prompt) for prompt in seen.values()])
            closer = {index: view for index, view in zip(unsized, views, strict=True) if view.width < picture.width}
            # A lone click is asked again as it was, so that it gets its three candidates.
            again = [prompts[index] if _is_lone_click(prompts[index]) else seen[index] for index in closer]
            nearer = self._encode([(picture, view) for view in closer.values()])
            for index, answer in zip(closer, self._look(picture, again, list(closer.values()), nearer), strict=True):
                answers[index] = answer
        return answers

    def _views(self, picture: Picture, extents: Sequence[NDArray[np.float32] | None]) -> list[View]:
        return choose_views(picture, extents, self.zoom, self.input_side, 4 * self._tokens)

    def _look(
        self,
        picture: Picture,
        prompts: Sequence[Prompt],
        views: Sequence[View],
        encoded: Mapping[_Look, torch.Tensor],
    ) -> list[Segments]:
        """Answers each prompt from its view of the picture."""
        answers: dict[int, Segments] = {}
        encodings = {view: encoded[picture.digest, view] for view in views}
        for indices in self._alike(dict(enumerate(prompts))):
            looks = [views[index] for index in indices]
            logits, ious = self._decode(encodings, [prompts[index] for index in indices], looks)
            for row, (index, view) in enumerate(zip(indices, looks, strict=True)):
                answers[index] = to_segments(logits[row], ious[row], view, picture, self._snap)
        return [answers[index] for index in range(len(prompts))]

    def _encode(self, looks: Sequence[tuple[Picture, View]]) -> dict[_Look, torch.Tensor]:
        """The encodings of views of pictures, (1, C, T, T) each, from the cache where they are there."""
        wanted = {(picture.digest, view): (picture, view) for picture, view in looks}
        known = {look: hit for look in wanted if (hit := self._cache.get((look[0], self._source, look[1]))) is not None}
        missing = [look for look in wanted if look not in known]
        began = time.perf_counter()
        for begin in range(0, len(missing), self._together):
            some = missing[begin : begin + self._together]
            with running(self._device, self._name, self._precision):
                prepared = self._processor.image_processor(
                    [view.pixels(picture.array) for picture, view in map(wanted.__getitem__, some)],
                    input_data_format="channels_last",
                    return_tensors="pt",
                )
                pixels = prepared["pixel_values"].to(self._device)
                encoded = self._model.get_image_embeddings(pixels).float()
            # Copies, so that forgetting one view frees its memory though others were encoded with it.
            known |= {look: encoding.clone() for look, encoding in zip(some, encoded.split(1), strict=True)}
        self.model_seconds += time.perf_counter() - began
        for look, encoding in known.items():
            if look in missing or encoding.device != self._device:
                known[look] = on_device = encoding.to(self._device)
                to_host = None if self._device.type == "cpu" else torch.Tensor.cpu
                self._cache.put((look[0], self._source, look[1]), on_device, on_device.nbytes, to_host)
        return known

    def _alike(self, prompts: Mapping[int, Prompt]) -> Iterator[list[int]]:
        """Indices of prompts of one make, a pass at a time.

        Prompts with different numbers of points are never padded to one: the model attends to padding points too, and
        a prompt's answer would depend on its neighbours.
        """
        makes: dict[tuple[int, bool, bool], list[int]] = {}
        for index, prompt in prompts.items():
            points = 0 if prompt.points is None else len(prompt.points)
            makes.setdefault((points, prompt.box is not None, prompt.mask is not None), []).append(index)
        for indices in makes.values():
            for begin in range(0, len(indices), self._prompts_per_pass):
                yield indices[begin : begin + self._prompts_per_pass]

    def _decode(
        self, encodings: Mapping[View, torch.Tensor], prompts: Sequence[Prompt], views: Sequence[View]
    ) -> tuple[Floats, Floats]:
        """One pass of the decoder over prompts of one make: logits (N, C, cells, cells) and IoU (N, C), float32."""
        view, each = views[0], list(zip(prompts, views, strict=True))
        points = self._stack([view.to_square(prompt.points) for prompt, view in each if prompt.points is not None])
        labels = self._stack([prompt.labels for prompt in prompts if prompt.labels is not None])
        corners = [view.to_square(prompt.box.reshape(2, 2)).ravel() for prompt, view in each if prompt.box is not None]
        boxes = self._stack(corners)
        masks = self._stack([self._mask_prompt(prompt.mask, view) for prompt, view in each if prompt.mask is not None])
        if self._draw_prompts:
            given = [None if some is None else some[:, 0] for some in (points, labels, boxes, masks)]
            scale = view.cells / view.square
            masks = drawn_prompts(view.cells, given[0], given[1], given[2], given[3], scale)[:, None]
        with running(self._device, self._name, self._decoder_precision):
            began = time.perf_counter()
            output = self._model(
                image_embeddings=encodings[view].expand(len(views), -1, -1, -1)
                if views.count(view) == len(views)
                else torch.cat([encodings[view] for view in views]),
                input_points=points,
                input_labels=labels,
                input_boxes=boxes,
                input_masks=masks,
                multimask_output=_is_lone_click(prompts[0]),
            )
            # Many small steps follow, one mask at a time: NumPy takes them several times faster than torch's threads.
            logits: Floats = output.pred_masks[:, 0].float().cpu().numpy()
            ious: Floats = output.iou_scores[:, 0].float().cpu().numpy()
            self.model_seconds += time.perf_counter() - began
        return logits, ious

    def _stack(self, arrays: Sequence[NDArray[Any]]) -> torch.Tensor | None:
        """One array a prompt → (N, 1, ...) on the device; None where the prompts of this make have none."""
        return torch.from_numpy(np.stack(arrays))[:, None].to(self._device) if arrays else None

    def _mask_prompt(self, mask: Mask, view: View) -> NDArray[np.float32]:
        """An earlier mask as the decoder takes it: (cells, cells) float32 logits over the square."""
        shrunk = [max(1, round(side * view.cells / view.square)) for side in view.shrunk]
        crop, left, top = mask.to_crop()
        down = view.top - top + np.linspace(0, view.height, shrunk[1] + 1)
        across = view.left - left + np.linspace(0, view.width, shrunk[0] + 1)
        inside = _sums_between(_sums_between(crop, down).T, across).T
        share = np.zeros((view.cells, view.cells), np.float32)
        share[: shrunk[1], : shrunk[0]] = inside * (shrunk[0] * shrunk[1] / (view.width * view.height))
        return (2 * share - 1) * np.float32(self._mask_prompt_logit)


def _sums_between(values: NDArray[Any], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of the rows of (R, C) values from each edge to the next, shares of rows included: (len(edges) - 1, C)."""
    edges = edges.clip(0, len(values))
    whole = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    low = np.floor(edges).astype(np.int64)
    part = (edges - low)[:, None]
    return np.diff(whole[low] * (1 - part) + whole[np.minimum(low + 1, len(values))] * part, axis=0)


def _check(request: SegmentRequest) -> None:
    picture = request.picture
    for prompt in request.prompts:
        if prompt.mask is not None and (prompt.mask.width, prompt.mask.height) != (picture.width, picture.height):
            raise ServiceError(
                f"prompt mask size={[prompt.mask.height, prompt.mask.width]} differs from the picture: "
                f"expected {[picture.height, picture.width]}. Pass a mask of this picture."
            )


def prepare(model: Any, device: torch.device, precision: torch.dtype) -> torch.dtype:
    """Make a Segment Anything model fast on a device; it changes in place.

    Args:
        model: ready to answer.
        device: where it runs.
        precision: of the encoder of pictures.

    Returns:
        The format for the decoder. The edge of a mask is where its logits are near zero, and bfloat16 moves it.
    """
    store(model.vision_encoder, precision)
    replay(model.vision_encoder, device)
    if precision == torch.float32 or device.type != "cuda":
        return torch.float32
    for part in (model.shared_image_embedding, model.prompt_encoder):
        keep_exact(part)  # coordinates become the phases of waves here
    return torch.float16


def _is_lone_click(prompt: Prompt) -> bool:
    return prompt.points is not None and len(prompt.points) == 1 and prompt.box is None and prompt.mask is None


def _extent(prompt: Prompt) -> NDArray[np.float32] | None:
    """The box round everything a prompt says, (4,) float32 xyxy in pixels; None where it does not say how large."""
    boxes = [] if prompt.box is None else [prompt.box]
    if prompt.mask is not None and prompt.mask.area:
        boxes.append(np.array(prompt.mask.box, np.float32))
    if not boxes:
        return None
    corners = [box.reshape(2, 2) for box in boxes] + ([] if prompt.points is None else [prompt.points])
    every = np.concatenate(corners)
    return np.concatenate([every.min(axis=0), every.max(axis=0)])


def to_segments(logits: Floats, ious: Floats, view: View, picture: Picture, snap: bool = False) -> Segments:
    """The candidates of one prompt, best first.

    Args:
        logits: (C, cells, cells) float32.
        ious: (C,) float32.
        view: what the logits are about.
        picture: what the view is of.
        snap: whether outlines are moved to the picture's own edges.
    """
    order = np.argsort(-ious, kind="stable")
    rows, columns = view.upsampling()
    cut = [_cut(logits[candidate], rows, columns, view, picture, snap) for candidate in order]
    return Segments(
        masks=[mask for mask, _ in cut],
        predicted_iou=ious[order].clip(0, 1),
        stability=np.array([stability for _, stability in cut], np.float32),
    )


def _cut(logits: Floats, rows: Axis, columns: Axis, view: View, picture: Picture, snap: bool) -> tuple[Mask, float]:
    """A mask at picture size and its stability, worked out only where the logits rise towards the cut."""
    near = logits > -STABILITY_OFFSET
    # A bilinear value is a mean of its neighbours: where none of them is near the cut, neither is the value.
    down, cells_down = rows.reach(np.flatnonzero(near.any(axis=1)))
    across, cells_across = columns.reach(np.flatnonzero(near.any(axis=0)))
    if down.start == down.stop or across.start == across.stop:
        return Mask.from_crop(np.zeros((0, 0)), 0, 0, picture.height, picture.width), 0.0
    if snap:
        margin = LEAST_MARGIN + int(MARGIN * max(down.stop - down.start, across.stop - across.start))
        (down, cells_down), (across, cells_across) = rows.widened(down, margin), columns.widened(across, margin)
    nearby = logits[cells_down, cells_across]
    window = np.asarray(rows.weights[down, cells_down] @ nearby @ columns.weights[across, cells_across].T, np.float32)
    sure = np.count_nonzero(window > STABILITY_OFFSET)
    possible = np.count_nonzero(window > -STABILITY_OFFSET)
    if snap:
        window = snapped(window, view.pixels(picture.array)[down, across])
    mask = Mask.from_crop(window > 0, view.left + across.start, view.top + down.start, picture.height, picture.width)
    return mask, sure / possible if possible else 0.0
