"""Trains the demo detector from nothing on rendered scenes, on whatever cores there are.

First only its proposals, before places and words attend to each other: half the cost of a step, and asked for many
things at once. Then the whole Grounding DINO. Both go on from the last checkpoint after a kill, and with more minutes
than before. Knows no scene drawing, no service and no evaluation seed.
"""

from __future__ import annotations

import json
import logging
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from transformers.utils import logging as transformers_logging

from workflows.demo_models.checkpoints import Budget, read_checkpoint, write_checkpoint
from workflows.demo_models.detector_calibration import Calibration, calibrate
from workflows.demo_models.detector_losses import Targets, dense_loss, set_loss, total
from workflows.demo_models.detector_model import (
    CLASSES,
    BackboneHead,
    ModelSettings,
    build_copy,
    build_model,
    build_processor,
    early_proposals,
    save_bundle,
    take_over,
)
from workflows.demo_models.detector_prompts import PAD, Prompt, draw_prompt
from workflows.demo_models.detector_samples import Sample, draw_samples
from workflows.demo_models.detector_words import write_vocabulary
from workflows.demo_models.loading import Batches
from workflows.demo_models.optimizers import Optimizers, trapezoid
from workflows.demo_models.scene_pool import PoolSettings, ScenePool
from workflows.demo_models.scenes import COLOURS, KINDS, NOUNS

MANY_PHRASES = 10
"""Phrases a picture while only proposals are learnt, where a phrase costs next to nothing, and half the time after."""
_MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
_SPREAD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
_log = logging.getLogger(__name__)


class PictureSettings(BaseModel):
    """Picture size in pixels."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    short: int
    long: int


class TrainSettings(BaseModel):
    """Optimiser, schedule and upkeep; see detector.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    batch: int
    cuda_batch: int
    cuda_rate: float
    pretrain_share: float
    pretrain_rate: float
    rate: float
    weight_decay: float
    warmup: float
    cooldown: float
    clip: float
    proposals: int
    average: float
    checkpoint_minutes: float
    validate_minutes: float
    validation_scenes: int
    calibration_scenes: int


class DetectorSettings(BaseModel):
    """Everything detector.yaml says."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    picture: PictureSettings
    scenes: PoolSettings
    model: ModelSettings
    train: TrainSettings

    @classmethod
    def load(cls, path: Path) -> DetectorSettings:
        """Reads a YAML file."""
        return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def picture_batch(samples: list[Sample], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Pixels (B, 3, h, w), boxes (B, M, 4) and kinds (B, M, -1 for none), mirrored and relit at random."""
    pixels = torch.from_numpy(np.stack([sample.image for sample in samples])).permute(0, 3, 1, 2).float() / 255.0
    most = max(1, *(len(sample.kinds) for sample in samples))
    boxes = torch.full((len(samples), most, 4), 0.5)
    kinds = torch.full((len(samples), most), -1, dtype=torch.long)
    for row, sample in enumerate(samples):
        boxes[row, : len(sample.kinds)] = torch.from_numpy(sample.boxes)
        kinds[row, : len(sample.kinds)] = torch.from_numpy(sample.kinds)
    mirrored = torch.from_numpy(rng.random(len(samples)) < 0.5)
    pixels[mirrored] = pixels[mirrored].flip(-1)
    boxes[mirrored, :, 0] = 1.0 - boxes[mirrored, :, 0]
    gain = torch.from_numpy(rng.uniform(0.85, 1.15, (len(samples), 1, 1, 1)).astype(np.float32))
    shift = torch.from_numpy(rng.uniform(-0.05, 0.05, (len(samples), 1, 1, 1)).astype(np.float32))
    pixels = (pixels * gain + shift).clamp(0.0, 1.0)
    return ((pixels - _MEAN) / _SPREAD).contiguous(memory_format=torch.channels_last), boxes, kinds


def class_targets(boxes: Tensor, kinds: Tensor) -> Targets:
    """Nouns and colours of everything there, for the backbone head."""
    nouns = torch.tensor([NOUNS.index(noun) for noun, _ in KINDS])[kinds.clamp(min=0)]
    shades = torch.tensor([list(COLOURS).index(colour) for _, colour in KINDS])[kinds.clamp(min=0)]
    marks = torch.zeros(*kinds.shape, CLASSES)
    marks.scatter_(-1, nouns[..., None], 1.0)
    marks.scatter_(-1, len(NOUNS) + shades[..., None], 1.0)
    return Targets(boxes, marks, kinds >= 0)


def phrase_targets(prompts: list[Prompt], boxes: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor, Targets]:
    """Token ids (B, T), which are real (B, T), and only the things that some phrase asks for."""
    longest, most = max(len(prompt.ids) for prompt in prompts), kinds.shape[1]
    ids = torch.full((len(prompts), longest), PAD)
    marks, asked = torch.zeros(len(prompts), most, longest), torch.full((len(prompts), most, 4), 0.5)
    valid = torch.zeros(len(prompts), most, dtype=torch.bool)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt.ids)] = torch.tensor(prompt.ids)
        there = kinds[row][kinds[row] >= 0].tolist()
        answered = torch.from_numpy(prompt.targets(there))
        chosen = answered.any(-1).nonzero().flatten()
        marks[row, : len(chosen), : len(prompt.ids)] = answered[chosen].float()
        asked[row, : len(chosen)] = boxes[row, chosen]
        valid[row, : len(chosen)] = True
    real = torch.arange(longest)[None] < torch.tensor([len(prompt.ids) for prompt in prompts])[:, None]
    return ids, real, Targets(asked, marks, valid)


class Trainer:
    """A model, its optimiser and how far they are.

    Args:
        settings: What detector.yaml says.
        out: Folder for shards, checkpoint, log and bundle.
        minutes: Training time there is.
        steps: Where given, steps of each of the two phases instead of minutes.
        seed: Of first weights, prompts and draws.
        device: cpu or cuda.
    """

    def __init__(
        self, settings: DetectorSettings, out: Path, minutes: float, steps: int | None, seed: int, device: str
    ) -> None:
        torch.manual_seed(seed)
        self.settings, self.out, self.device = settings, out, torch.device(device)
        share, self.seconds = settings.train.pretrain_share, 60 * minutes
        self.budgets = {
            "proposals": Budget(self.seconds * share, steps),
            "detector": Budget(self.seconds * (1 - share), steps),
        }
        self.model = build_model(settings.model).to(self.device)
        self.head = BackboneHead(settings.model.size).to(self.device)
        self.features: list[Tensor] = []
        for project in self.model.model.input_proj_vision:
            project.register_forward_hook(lambda _module, _inputs, output: self.features.append(output))
        self.average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.rng = np.random.default_rng(seed)
        self.optimizers = Optimizers(self.model, [self.head], settings.train.weight_decay)

    @property
    def batch(self) -> int:
        """Pictures a step."""
        return self.settings.train.cuda_batch if self.device.type == "cuda" else self.settings.train.batch

    @property
    def phase(self) -> str | None:
        """What is being trained now; None at the end."""
        if not self.budgets["proposals"].over and not self.budgets["detector"].done:
            return "proposals"
        return None if self.budgets["detector"].over else "detector"

    def step(self, samples: list[Sample]) -> dict[str, float]:
        """One batch forward, back and an update; returns the losses."""
        phase = self.phase
        if phase is None:
            raise RuntimeError("budget=0 is used up: expected time or steps left. Start with more minutes.")
        train, budget = self.settings.train, self.budgets[phase]
        first = phase == "proposals"
        rate = train.pretrain_rate if first else train.rate
        rate *= trapezoid(budget.progress, train.warmup, 0.0 if first else train.cooldown)
        rate *= train.cuda_rate if self.device.type == "cuda" else 1.0
        pixels, boxes, kinds = picture_batch(samples, self.rng)
        self.features.clear()
        learn = self._proposal_losses if first else self._detector_losses
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            losses = learn(pixels, boxes, kinds)
        self.optimizers.clear()
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.optimizers.update(rate, train.clip)
        budget.advance()
        self._take_average(budget.done)
        return {name: float(value.detach()) for name, value in losses.items()}

    def _proposal_losses(self, pixels: Tensor, boxes: Tensor, kinds: Tensor) -> dict[str, Tensor]:
        ids, real, targets = self._asked(boxes, kinds, MANY_PHRASES)
        found = early_proposals(self.model, pixels.to(self.device), ids, real)
        return {
            "companion": 0.5 * self._head_loss(found.features, boxes, kinds),
            "proposals": self._dense(found.logits, found.boxes, found.centres, targets, real),
        }

    def _asked(self, boxes: Tensor, kinds: Tensor, number: int | None) -> tuple[Tensor, Tensor, Targets]:
        """Token ids (B, T), which are real (B, T), and what answers them, on the device."""
        prompts = [draw_prompt(row[row >= 0].tolist(), self.rng, number) for row in kinds]
        ids, real, targets = phrase_targets(prompts, boxes, kinds)
        return ids.to(self.device), real.to(self.device), self._here(targets)

    def _dense(self, logits: Tensor, boxes: Tensor, centres: Tensor, targets: Targets, real: Tensor) -> Tensor:
        best = self.settings.train.proposals
        return total(dense_loss(logits.float(), boxes.float(), centres, targets, real, best))

    def _head_loss(self, features: list[Tensor], boxes: Tensor, kinds: Tensor) -> Tensor:
        logits, predicted, anchors = self.head(features)
        targets = self._here(class_targets(boxes, kinds))
        every = torch.ones(logits.shape[0], logits.shape[2], dtype=torch.bool, device=self.device)
        return self._dense(logits, predicted, anchors, targets, every)

    def _detector_losses(self, pixels: Tensor, boxes: Tensor, kinds: Tensor) -> dict[str, Tensor]:
        ids, real, targets = self._asked(boxes, kinds, MANY_PHRASES if self.rng.random() < 0.5 else None)
        core = self.model.model(pixel_values=pixels.to(self.device), input_ids=ids, attention_mask=real.long())
        features = list(self.features)
        companion = self._head_loss(features, boxes, kinds)
        length = ids.shape[1]
        proposals = self._dense(
            core.enc_outputs_class[..., :length],
            core.enc_outputs_coord_logits.float().sigmoid(),
            self.head.anchors(features),
            targets,
            real,
        )
        losses = {"companion": 0.4 * companion, "proposals": proposals}
        text, states = core.encoder_last_hidden_state_text, core.intermediate_hidden_states
        reference = core.init_reference_points
        for level in range(states.shape[1]):
            if level:
                reference = core.intermediate_reference_points[:, level - 1]
            logits = self.model.class_embed[level](states[:, level], text, real)[..., :length]
            corrected = self.model.bbox_embed[level](states[:, level]) + torch.special.logit(reference, eps=1e-5)
            losses[f"decoder{level}"] = total(set_loss(logits.float(), corrected.float().sigmoid(), targets, real))
        return losses

    def _here(self, targets: Targets) -> Targets:
        return Targets(*(value.to(self.device) for value in (targets.boxes, targets.marks, targets.valid)))

    @torch.no_grad()
    def _take_average(self, done: int) -> None:
        decay = min(self.settings.train.average, (1 + done) / (10 + done))
        for name, value in self.model.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].lerp_(value, 1.0 - decay)

    def save(self) -> None:
        """Writes the checkpoint."""
        state = {
            "model": self.model.state_dict(),
            "head": self.head.state_dict(),
            "average": self.average,
            "optimizers": self.optimizers.state_dict(),
            "budgets": {name: [budget.spent, budget.done] for name, budget in self.budgets.items()},
            "rng": json.dumps(self.rng.bit_generator.state),
        }
        write_checkpoint(self.out / "checkpoint.pt", state)

    def resume(self) -> bool:
        """Takes up the checkpoint; False where there is none."""
        state = read_checkpoint(self.out / "checkpoint.pt")
        if state is None:
            return False
        self.model.load_state_dict(state["model"])
        self.head.load_state_dict(state["head"])
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        self.optimizers.load_state_dict(state["optimizers"])
        for name, (spent, done) in state["budgets"].items():
            self.budgets[name].spent, self.budgets[name].done = spent, done
        if self.budgets["detector"].done:  # with more minutes than before, all that is new is for the whole detector
            self.budgets["detector"].seconds = self.seconds - self.budgets["proposals"].spent
        self.rng.bit_generator.state = json.loads(state["rng"])
        return True

    def write_bundle(self, scenes: int) -> Calibration:
        """Saves the averaged weights as the product loads them, with thresholds found on validation scenes."""
        averaged = build_copy(self.model.cpu() if self.device.type == "cpu" else self.model)
        averaged.load_state_dict({name: value.cpu() for name, value in self.average.items()})
        picture = self.settings.picture
        processor = build_processor(picture.short, picture.long)
        save_bundle(averaged, processor, self.out / "detector")
        write_vocabulary(self.out / "detector")
        found = calibrate(self.out / "detector", scenes)
        found.write(self.out / "detector")
        return found


def train_detector(
    settings: DetectorSettings,
    out: Path,
    minutes: float,
    seed: int,
    *,
    steps: int | None = None,
    resume: bool = False,
    device: str = "cpu",
    start: Path | None = None,
    scenes: Path | None = None,
    renderers: int = 1,
    workers: int = 0,
) -> Path:
    """Trains until the budget is used and returns the folder of the bundle.

    Args:
        settings: What detector.yaml says.
        out: Folder for shards, checkpoint, log and the bundle `detector/`.
        minutes: Training time there is, over all resumed runs.
        seed: Of first weights and draws.
        steps: Where given, steps of each phase instead of minutes.
        resume: Go on from the checkpoint in `out`, where there is one.
        device: cpu or cuda.
        start: Folder of a finished detector whose weights to start from, where they fit.
        scenes: Folder of rendered scenes, shared with other trainings; None: `out/scenes`.
        renderers: Processes that render them.
        workers: Processes that crop and resize them; 0: the training's own.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(settings, out, minutes, steps, seed, device)
    if start is not None:
        _log.info("started from %s, own first values for %s", start, take_over(trainer.model, start))
    if resume and trainer.resume():
        _log.info("resumed %s", {name: budget.done for name, budget in trainer.budgets.items()})
    pool = ScenePool.of(settings.scenes, scenes or out / "scenes", renderers)
    draw = partial(draw_samples, number=trainer.batch, short=settings.picture.short, long=settings.picture.long)
    done = sum(budget.done for budget in trainer.budgets.values())
    try:
        _loop(trainer, Batches(pool.folder, settings.scenes, draw, (seed, done)).load(workers))
    finally:
        pool.close()
        trainer.save()
    _log.info("final %s", trainer.write_bundle(settings.train.calibration_scenes).summary())
    return out / "detector"


def _loop(trainer: Trainer, batches: Iterator[list[Sample]]) -> None:
    train = trainer.settings.train
    saved = validated = time.monotonic()
    recent: dict[str, list[float]] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("training", total=1.0)
        while (phase := trainer.phase) is not None:
            for name, value in trainer.step(next(batches)).items():
                recent.setdefault(name, []).append(value)
            budget, now = trainer.budgets[phase], time.monotonic()
            progress.update(bar, completed=budget.progress, description=f"{phase} {budget.done}")
            if budget.done % 25 == 0:
                means = " ".join(f"{name} {np.mean(values):.3f}" for name, values in recent.items())
                _log.info("%s step %d at %.1f min: %s", phase, budget.done, budget.spent / 60, means)
                recent.clear()
            if now - saved > 60 * train.checkpoint_minutes:
                trainer.save()
                saved = now
            if phase == "detector" and now - validated > 60 * train.validate_minutes:
                _log.info("validation %s", trainer.write_bundle(train.validation_scenes).summary())
                trainer.features.clear()
                validated = time.monotonic()


def run(arguments: dict[str, Any]) -> Path:
    """What `train detector` does with its command line."""
    out = Path(arguments["out"])
    out.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.FileHandler(out / "log.txt")]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=handlers)
    config = arguments["config"] or Path(__file__).with_name("detector.yaml")
    settings = DetectorSettings.load(Path(config))
    steps = None
    if arguments["smoke"]:
        settings, steps = smoke(settings), 3
    torch.set_num_threads(arguments["threads"])
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return train_detector(
        settings,
        out,
        arguments["minutes"],
        arguments["seed"],
        steps=steps,
        resume=arguments["resume"],
        device=arguments["device"],
        start=arguments["start"],
        scenes=arguments["scenes"],
        renderers=arguments["renderers"],
        workers=arguments["workers"],
    )


def smoke(settings: DetectorSettings) -> DetectorSettings:
    """The same training so small that it ends in seconds and learns nothing."""
    return settings.model_copy(
        update={
            "picture": PictureSettings(short=64, long=96),
            "scenes": settings.scenes.model_copy(update={"shards": 1, "shard_size": 4}),
            "model": settings.model.model_copy(
                update={"widths": (8, 16, 16), "depths": (1, 1, 1), "size": 32, "queries": 8, "feed_forward": 32}
            ),
            "train": settings.train.model_copy(update={"batch": 2, "validation_scenes": 2, "calibration_scenes": 2}),
        }
    )
