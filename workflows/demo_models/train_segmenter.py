"""Trains the demo segmenter: a small Segment Anything on rendered scenes, from nothing, on one core.

As in Segment Anything (Kirillov et al. 2023, section 3 and appendix A) a picture is encoded once and prompted
for several objects; each object starts from a box or from one click and is then corrected by clicks drawn where
the last mask was wrong, with that mask as a further prompt. One click asks for three masks and only the best is
pulled towards the truth; boxes and several points ask for one. The predicted IoU is learnt beside.

This module does not know: how scenes are drawn, the detector, the service that loads the saved folder.
"""

import copy
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import yaml
from pydantic import BaseModel, ConfigDict
from torch.nn import functional
from transformers import SamModel

from workflows.demo_models.checkpoints import Budget, read_checkpoint, write_checkpoint
from workflows.demo_models.loading import Batches
from workflows.demo_models.mask_prompts import correction_click, first_click, jittered_box, tight_box
from workflows.demo_models.optimizers import Optimizers, trapezoid
from workflows.demo_models.scene_pool import PoolSettings, ScenePool
from workflows.demo_models.segmenter_batches import Batch, augmented, make_batch
from workflows.demo_models.segmenter_model import (
    ModelShape,
    OutlineHead,
    Prompts,
    build_model,
    build_processor,
    mask_iou,
    mask_loss,
    outline_loss,
    predict,
)

MULTIMASK_MEAN = 0.1
"""Share of the three masks' mean beside the best one's loss; without it a mask that never wins never learns."""


OUTLINE_WEIGHT = 5.0
"""Brings the outlines' loss, a mean over mostly easy pixels, to the size of the mask losses."""


class TrainingSettings(BaseModel):
    """How the model is trained; segmenter.yaml explains each."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pictures: int
    cuda_pictures: int
    objects: int
    learning_rate: float
    weight_decay: float
    warmup: float
    cooldown: float
    clip_norm: float
    ema_decay: float
    prompt_from: float
    correct_from: float
    correction_rounds: tuple[int, ...]
    least_area: int
    checkpoint_minutes: float
    mask_prompt_logit: float
    zoom: float
    least_iou: float
    least_stability: float


class SegmenterSettings(BaseModel):
    """Everything segmenter.yaml says."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    model: ModelShape
    scenes: PoolSettings
    training: TrainingSettings

    @classmethod
    def load(cls, path: Path) -> "SegmenterSettings":
        """Reads a YAML file; raises pydantic.ValidationError naming each wrong key."""
        return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


class _Group:
    """Objects that share a kind of first prompt, through their rounds of correction."""

    def __init__(self, batch: Batch, chosen: np.ndarray, kind: Literal["box", "click"], rng: np.random.Generator):
        self.kind, self.rng = kind, rng
        self.owners = torch.from_numpy(batch.owners[chosen])
        self.truths = batch.truths[chosen]
        self.extents = batch.extents[chosen]
        self.boxes: np.ndarray | None = None
        self.clicks: list[list[tuple[float, float, int]]] = [[] for _ in chosen]
        if kind == "box":
            # A quarter exact, a quarter as loose as a poor detector's.
            spreads = rng.choice([0.0, 0.04, 0.04, 0.08], len(chosen))
            self.boxes = np.stack(
                [
                    jittered_box(tight_box(truth), rng, spread=spread, bounds=(int(extent[0]), int(extent[1])))
                    for truth, spread, extent in zip(self.truths, spreads, self.extents, strict=True)
                ]
            )
        else:
            for clicks, truth in zip(self.clicks, self.truths, strict=True):
                clicks.append(first_click(truth, rng if rng.random() < 0.5 else None))

    def correct(self, predicted: np.ndarray) -> None:
        """Adds one click an object where `predicted` (N, S, S) bool is wrong."""
        for clicks, guess, truth in zip(self.clicks, predicted, self.truths, strict=True):
            clicks.append(correction_click(guess, truth, self.rng if self.rng.random() < 0.5 else None))

    def prompts(self, masks: torch.Tensor | None, device: torch.device) -> Prompts:
        """Returns what the model is asked this round."""
        # Callers refine masks whose box they no longer know, or hand on a mask alone.
        fate = self.rng.random() if masks is not None else 1.0
        if fate < 0.1:
            return Prompts(None, masks=masks)
        boxes = None if self.boxes is None or fate < 0.3 else torch.from_numpy(self.boxes).to(device)
        if not self.clicks[0]:
            return Prompts(boxes, masks=masks)
        clicks = torch.tensor(self.clicks, dtype=torch.float32, device=device)
        return Prompts(boxes, clicks[..., :2], clicks[..., 2].long(), masks)


class Figures(NamedTuple):
    """Means of one step: the losses of masks and outlines, and IoU by prompt (NaN where a step had none)."""

    loss: float
    outlines: float
    box: float
    click: float
    corrected: float


class SegmenterTrainer:
    """A model, its slow average and its optimizer, advanced one batch at a time."""

    def __init__(self, settings: SegmenterSettings, device: str = "cpu") -> None:
        self.settings, self.device = settings, torch.device(device)
        self.model = build_model(settings.model).to(self.device)
        self.head = OutlineHead(settings.model).to(self.device)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        training = settings.training
        self.optimizers = Optimizers(self.model, [self.head], training.weight_decay)
        self.steps = 0

    @property
    def pictures(self) -> int:
        """Pictures a step."""
        training = self.settings.training
        return training.cuda_pictures if self.device.type == "cuda" else training.pictures

    def step(self, batch: Batch, progress: float, rng: np.random.Generator) -> Figures:
        """Trains on one batch.

        Args:
            batch: at least two objects.
            progress: 0 to 1, how much of the training is over; decides the rate and whether clicks correct yet.
            rng: draws prompts.
        """
        training = self.settings.training
        self.model.train()
        self.optimizers.clear()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            embeddings = self.model.vision_encoder(torch.from_numpy(batch.pixels).to(self.device)).last_hidden_state
        embeddings = embeddings.float()
        # The decoder runs many times on one encoding: its rounds add up their gradients here, and the encoder's
        # backward pass runs once.
        leaf = embeddings.detach().requires_grad_()
        outlines = outline_loss(self.head(leaf), torch.from_numpy(batch.labels).to(self.device))
        torch.autograd.backward(OUTLINE_WEIGHT * outlines)
        seen: dict[str, list[float]] = {"box": [], "click": [], "corrected": []}
        total = float("nan")
        if progress >= training.prompt_from:
            total = self._prompted(batch, leaf, progress, rng, seen)
        torch.autograd.backward(embeddings, leaf.grad)
        rate = training.learning_rate * trapezoid(progress, training.warmup, training.cooldown)
        self.optimizers.update(rate, training.clip_norm)
        self.steps += 1
        self._follow()
        return Figures(
            total,
            float(outlines.detach()),
            *(float(np.mean(values or [np.nan])) for values in seen.values()),
        )

    def _prompted(
        self,
        batch: Batch,
        leaf: torch.Tensor,
        progress: float,
        rng: np.random.Generator,
        seen: dict[str, list[float]],
    ) -> float:
        """Prompts the batch's objects, half by boxes and half by clicks; returns the mean loss."""
        training = self.settings.training
        order = rng.permutation(len(batch.owners))
        half = len(order) // 2
        rounds = int(rng.choice(training.correction_rounds)) if progress >= training.correct_from else 0
        groups = _Group(batch, order[:half], "box", rng), _Group(batch, order[half:], "click", rng)
        return sum(self._rounds(group, leaf, rounds, len(order), seen) for group in groups)

    def _rounds(
        self, group: _Group, leaf: torch.Tensor, rounds: int, objects: int, seen: dict[str, list[float]]
    ) -> float:
        """Prompts a group, corrects it `rounds` times, and sends every round's loss back; returns their mean."""
        size = self.settings.model.image_size
        truths = torch.from_numpy(group.truths).to(self.device)
        cells = self.settings.model.image_size // self.settings.model.patch_size * 4
        targets = functional.interpolate(truths[:, None].float(), size=(cells, cells), mode="area")
        previous: torch.Tensor | None = None
        total = 0.0
        for turn in range(rounds + 1):
            logits, promised = predict(
                self.model,
                leaf[group.owners],
                group.prompts(self._mask_prompt(previous, group.rng), self.device),
            )
            with torch.no_grad():
                predicted = functional.interpolate(logits, size=(size, size), mode="bilinear", align_corners=False) > 0
                reached = mask_iou(predicted, truths)
            losses = mask_loss(logits, targets)
            best = losses.min(dim=1).values * (1 - MULTIMASK_MEAN) + losses.mean(dim=1) * MULTIMASK_MEAN
            loss = (best + (promised - reached).square().mean(dim=1)).sum() / (objects * (rounds + 1))
            torch.autograd.backward(loss)
            total += float(loss.detach())
            picked = promised.argmax(dim=1)
            rows = torch.arange(len(picked), device=self.device)
            previous = logits[rows, picked].detach()[:, None]
            seen["corrected" if turn else group.kind].append(float(reached[rows, picked].mean()))
            if turn < rounds:
                group.correct(predicted[rows, picked].cpu().numpy())
        return total

    def _mask_prompt(self, previous: torch.Tensor | None, rng: np.random.Generator) -> torch.Tensor | None:
        """Returns the last logits, the same as a yes-or-no mask, or nothing: callers hand on any of these."""
        kind = rng.choice(["logits", "binary", "none"], p=[0.4, 0.25, 0.35])
        if previous is None or kind == "none":
            return None
        if kind == "logits":
            return previous
        return torch.where(previous > 0, 1.0, -1.0) * self.settings.training.mask_prompt_logit

    @torch.no_grad()
    def _follow(self) -> None:
        """Moves the average towards the model, faster while it is young."""
        keep = min(self.settings.training.ema_decay, self.steps / (self.steps + 10))
        for slow, fast in zip(self.average.parameters(), self.model.parameters(), strict=True):
            slow.lerp_(fast, 1 - keep)

    def take_over(self, folder: Path) -> None:
        """Starts from a finished model's weights; raises RuntimeError where its shape is another."""
        finished = SamModel.from_pretrained(folder, local_files_only=True).float()
        self.model.load_state_dict(finished.state_dict())
        self.average.load_state_dict(self.model.state_dict())

    def state(self) -> dict[str, Any]:
        """Returns everything a later `restore` needs, tensors and numbers only."""
        return {
            "steps": self.steps,
            "model": self.model.state_dict(),
            "head": self.head.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": self.optimizers.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up where `state` left off."""
        self.steps = int(state["steps"])
        self.model.load_state_dict(state["model"])
        self.head.load_state_dict(state["head"])
        self.average.load_state_dict(state["average"])
        self.optimizers.load_state_dict(state["optimizers"])


def save_segmenter(model: SamModel, settings: SegmenterSettings, folder: Path) -> None:
    """Writes a folder that `SamModel.from_pretrained` and `SamProcessor.from_pretrained` read: float16, safetensors.

    Args:
        model: left as it is.
        settings: the shape the model was built from, and what a binary mask prompt counted as.
        folder: made where missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).half().save_pretrained(folder)
    build_processor(settings.model).save_pretrained(folder)
    training = settings.training
    found = ("mask_prompt_logit", "zoom", "least_iou", "least_stability")
    calibrated = {"draw_prompts": True, "snap_outlines": True, **{name: getattr(training, name) for name in found}}
    (folder / "askmask.json").write_text(json.dumps(calibrated, indent=2) + "\n", encoding="utf-8")


def train_segmenter(
    settings: SegmenterSettings,
    out: Path,
    *,
    minutes: float,
    seed: int = 0,
    resume: bool = False,
    device: str = "cpu",
    steps: int | None = None,
    start: Path | None = None,
    scenes: Path | None = None,
    renderers: int = 1,
    workers: int = 0,
) -> Path:
    """Trains for a stretch of wall-clock time; the rate has fallen to zero when it is over.

    Args:
        settings: shape and training, as `SegmenterSettings.load` reads them.
        out: takes `checkpoint.pt` every few minutes and `segmenter/`, the float16 model, at the end.
        minutes: the whole training, interrupted stretches included.
        seed: decides weights, scenes and prompts.
        resume: take up `out/checkpoint.pt`; without one, start afresh.
        device: as torch names it.
        steps: as many steps in all, instead of a stretch of time.
        start: folder of a finished segmenter of the same shape whose weights to start from.
        scenes: folder of rendered scenes, shared with other trainings; None: `out/scenes`.
        renderers: processes that render them.
        workers: processes that crop and resize them; 0: the training's own.

    Returns:
        The model folder.
    """
    torch.manual_seed(seed)
    checkpoint = out / "checkpoint.pt"
    trainer, budget = SegmenterTrainer(settings, device), Budget(minutes * 60, steps)
    if start is not None:
        trainer.take_over(start)
    state = read_checkpoint(checkpoint) if resume else None
    if state is not None:
        trainer.restore(state)
        budget.spent, budget.done = float(state["seconds"]), trainer.steps
    pool = ScenePool.of(settings.scenes, scenes or out / "scenes", renderers)
    image_processor = build_processor(settings.model).image_processor
    draw = partial(draw_batch, training=settings.training, image_processor=image_processor, number=trainer.pictures)
    batches = Batches(pool.folder, settings.scenes, draw, (seed, trainer.steps)).load(workers)
    try:
        _loop(trainer, budget, batches, np.random.default_rng((seed, trainer.steps)), checkpoint)
    finally:
        pool.close()
        write_checkpoint(checkpoint, trainer.state() | {"seconds": budget.spent})
    save_segmenter(trainer.average, settings, out / "segmenter")
    return out / "segmenter"


def draw_batch(
    pool: ScenePool, rng: np.random.Generator, training: TrainingSettings, image_processor: Any, number: int
) -> Batch:
    """A training batch of `number` pictures, two objects on them at least."""
    while True:
        pictures = [augmented(picture, rng) for picture in pool.draw(number, rng)]
        batch = make_batch(pictures, image_processor, rng, objects=training.objects, least_area=training.least_area)
        if len(batch.owners) >= 2:
            return batch


def _loop(
    trainer: SegmenterTrainer, budget: Budget, batches: Iterator[Batch], rng: np.random.Generator, checkpoint: Path
) -> None:
    training = trainer.settings.training
    saved, recent = budget.spent, list[Figures]()
    while not budget.over:
        batch = next(batches)
        recent.append(trainer.step(batch, budget.progress, rng))
        budget.advance()
        if trainer.steps % 25 == 0:
            print(_report(trainer.steps, budget.spent, recent), flush=True)
            recent.clear()
        if budget.spent - saved >= training.checkpoint_minutes * 60:
            write_checkpoint(checkpoint, trainer.state() | {"seconds": budget.spent})
            saved = budget.spent


def _report(steps: int, seconds: float, recent: list[Figures]) -> str:
    columns = np.array(recent, dtype=float).T
    loss, outlines, box, click, corrected = (
        float(known.mean()) if (known := column[~np.isnan(column)]).size else float("nan") for column in columns
    )
    return (
        f"step {steps} at {seconds:.0f} s: loss {loss:.3f}, outlines {outlines:.3f}; "
        f"IoU box {box:.3f}, one click {click:.3f}, corrected {corrected:.3f}"
    )


def run(arguments: dict[str, Any]) -> Path:
    """What `train segmenter` does with its command line: out, minutes, seed, resume, smoke, device, threads, config."""
    config = arguments["config"] or Path(__file__).with_name("segmenter.yaml")
    settings, steps = SegmenterSettings.load(Path(config)), None
    if arguments["smoke"]:
        settings, steps = smoke(settings), 3
    torch.set_num_threads(arguments["threads"])
    return train_segmenter(
        settings,
        Path(arguments["out"]),
        minutes=arguments["minutes"],
        seed=arguments["seed"],
        resume=arguments["resume"],
        device=arguments["device"],
        steps=steps,
        start=arguments["start"],
        scenes=arguments["scenes"],
        renderers=arguments["renderers"],
        workers=arguments["workers"],
    )


def smoke(settings: SegmenterSettings) -> SegmenterSettings:
    """The same training so small that it ends in seconds and learns nothing."""
    model = {
        "image_size": 64,
        "patch_size": 8,
        "hidden_size": 32,
        "layers": 2,
        "heads": 2,
        "window_size": 4,
        "global_layers": (1,),
        "decoder_size": 64,
        "decoder_heads": 2,
        "decoder_mlp": 32,
    }
    training = {
        "pictures": 1,
        "least_area": 8,
        "prompt_from": 0.0,
        "correct_from": 0.0,
    }
    return settings.model_copy(
        update={
            "model": settings.model.model_copy(update=model),
            "scenes": settings.scenes.model_copy(update={"shards": 1, "shard_size": 2}),
            "training": settings.training.model_copy(update=training),
        }
    )
