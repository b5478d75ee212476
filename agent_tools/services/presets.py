"""Pairs of models by name, what is on this machine of each, and the services they become.

``load_services`` is the way in. Nothing here falls back in silence: where weights are missing, the error says what was
tried. This module does not know how a model works; it loads torch only when a service of ours is built.
"""

from __future__ import annotations

import difflib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any

from agent_tools.errors import ConfigError, ServiceError, shorten
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Detector, Segmenter, SegmentRequest, Segments, Services
from agent_tools.services.batching import BatchedDetector, BatchedSegmenter
from agent_tools.services.checkpoints import cached, fetch
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import Role, build_detector, build_segmenter, is_address
from agent_tools.settings import settings


@dataclass(frozen=True, slots=True)
class Preset:
    """A detector and a segmenter that go together.

    Attributes:
        name: what ``--models`` takes.
        detector: hub id, or "" where it is bundled.
        segmenter: hub id, or "" where it is bundled.
        megabytes: size of both downloads together, rounded.
        licence: of both sets of weights.
        summary: one line for a person who chooses.
    """

    name: str
    detector: str
    segmenter: str
    megabytes: int
    licence: str
    summary: str


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("demo", "", "", 0, "Apache-2.0", "bundled and offline; knows rendered fruit and household things only"),
        Preset(
            "fast",
            "google/owlv2-base-patch16-ensemble",
            "Zigeng/SlimSAM-uniform-77",
            660,
            "Apache-2.0",
            "the smallest pair that knows real photographs; a new phrase on a known picture takes milliseconds",
        ),
        Preset(
            "base",
            "openmmlab-community/mm_grounding_dino_tiny_o365v1_goldg_grit_v3det",
            "facebook/sam-vit-base",
            1070,
            "Apache-2.0",
            "better boxes and masks, for a GPU or a patient CPU",
        ),
        Preset(
            "best",
            "openmmlab-community/mm_grounding_dino_large_all",
            "facebook/sam-vit-huge",
            3930,
            "Apache-2.0",
            "the most accurate pair; needs a GPU",
        ),
    )
}


def find_preset(name: str) -> Preset:
    """The preset of that name; the address of a model server is one whose models are both there.

    Raises:
        ConfigError: there is none; names them all and the closest.
    """
    if name in PRESETS:
        return PRESETS[name]
    if is_address(name):
        return Preset(name, name, name, 0, "", "what the server has")
    close = difflib.get_close_matches(name.lower(), PRESETS, n=1, cutoff=0.4)
    hint = f"Did you mean {close[0]}?" if close else "Run askmask models to see what each is."
    raise ConfigError(
        f"models={shorten(name)} is not a preset: expected one of {', '.join(PRESETS)}, or http://host:port. {hint}"
    )


def bundled_folder(role: Role) -> Path:
    """Where the demo model of a role lies in this package."""
    return Path(str(files("agent_tools.services"))) / "demo" / role


def source_of(preset: Preset, role: Role) -> str:
    """What `build_detector` opens for a preset: a hub id, an address, or the bundled folder.

    Raises:
        ConfigError: this installation lacks the bundled model.
    """
    hub_id: str = getattr(preset, role)
    if hub_id:
        return hub_id
    folder = bundled_folder(role)
    if not folder.is_dir():
        raise ConfigError(
            f"models={preset.name} lacks its {role}: expected {shorten(folder)}. "
            "Install askmask again, or choose another with --models."
        )
    return str(folder)


def is_fetched(preset: Preset) -> bool:
    """Whether both models of a preset are on this machine, whole. Never touches the network."""
    if preset.name == "demo":
        return all((bundled_folder(role) / "model.safetensors").is_file() for role in ("detector", "segmenter"))
    return all(cached(hub_id) is not None for hub_id in (preset.detector, preset.segmenter))


def list_presets() -> list[tuple[Preset, bool]]:
    """Every preset, and whether it is on this machine."""
    return [(preset, is_fetched(preset)) for preset in PRESETS.values()]


def _default_file() -> Path:
    return settings().data_dir / "models.json"


def default_preset() -> str:
    """The preset that ``get_preset`` fetched last, else demo.

    Raises:
        ConfigError: the file that remembers it is damaged, or names a preset that no longer exists.
    """
    path = _default_file()
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["default"]
    except (FileNotFoundError, NotADirectoryError):  # a data folder that is none is the memory's to report
        return "demo"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path.name}={shorten(path)} cannot be read ({type(error).__name__}): expected "
            '{"default": preset}. Delete it, or run askmask models get again.'
        ) from error
    return find_preset(str(name)).name


def get_preset(name: str, progress: Callable[[str], None] | None = None) -> Preset:
    """Fetch both models of a preset and make it the default. An interrupted fetch goes on where it stopped.

    Args:
        name: one of `PRESETS`.
        progress: told a line at each step; bytes are shown by the hub's own bars on stderr.

    Raises:
        ConfigError: no such preset, or the repository does not hold what is needed.
        ServiceError: the hub cannot be reached.
    """
    preset = find_preset(name)
    if is_address(name):
        raise ConfigError(
            f"models={shorten(name)} is a server: expected a preset, as nothing is fetched from one. "
            "Set ASKMASK_MODELS to its address to use it by default."
        )
    tell: Callable[[str], object] = progress or str
    for role in ("detector", "segmenter"):
        hub_id = getattr(preset, role)
        if hub_id:
            tell(f"{role}: {hub_id}")
            fetch(hub_id, role)
    if not is_fetched(preset):
        raise ServiceError(
            f"models={name} is not whole on this machine: expected both models. Run askmask models get {name} again."
        )
    path = _default_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    fresh.write_text(json.dumps({"default": name}) + "\n", encoding="utf-8")
    fresh.replace(path)
    tell(f"models={name} is ready and now the default")
    return preset


def load_services(
    preset: str | None = None, device: str | None = None, detector: str | None = None, segmenter: str | None = None
) -> Services:
    """Open a detector and a segmenter.

    Args:
        preset: demo, fast, base or best, or a model server, http://host:port; None: ``ASKMASK_MODELS``, else the
            preset fetched last, else demo.
        device: auto, cpu, cuda:n or mps; None: ``ASKMASK_DEVICE``, else auto.
        detector: in place of the preset's: a folder, a hub id, a file of the model's authors (``.pth``),
            ``path/to/file.py:factory``, ``package.module:factory``, an installed entry point or a server; None:
            ``ASKMASK_DETECTOR``.
        segmenter: likewise; None: ``ASKMASK_SEGMENTER``.

    Raises:
        ConfigError: an unknown preset, device, name or factory.
        ServiceError: weights that are not here cannot be fetched, or the server cannot be reached.
    """
    defaults = settings()
    chosen = find_preset(preset or defaults.models or default_preset())
    device = device or defaults.device
    typed_detector, typed_segmenter = detector or defaults.detector, segmenter or defaults.segmenter
    cache = EncodingCache.configured()
    services = Services(
        detector=build_detector(typed_detector or source_of(chosen, "detector"), device, cache),
        segmenter=build_segmenter(typed_segmenter or source_of(chosen, "segmenter"), device, cache),
        preset="custom" if typed_detector and typed_segmenter else chosen.name,
        detector_name=typed_detector or chosen.detector or chosen.name,
        segmenter_name=typed_segmenter or chosen.segmenter or chosen.name,
        cache=cache,
    )
    clock = _Clock(services.seconds)
    # A server has queues of its own, and is asked about several pictures at a time.
    if not is_address(services.detector_name):
        services.detector = BatchedDetector(services.detector)
    if not is_address(services.segmenter_name):
        services.segmenter = BatchedSegmenter(services.segmenter)
    services.detector = TimedDetector(services.detector, clock)
    services.segmenter = TimedSegmenter(services.segmenter, clock)
    return services


class _Clock:
    """Adds wall time to ``Services.seconds``, from any thread."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds, self._lock = seconds, Lock()

    @contextmanager
    def counting(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[what] += time.perf_counter() - began


class TimedDetector:
    """A detector whose time is counted; everything else is the wrapped one's own."""

    def __init__(self, inner: Detector, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    @property
    def threshold(self) -> float:
        """The wrapped detector's."""
        return self._inner.threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._inner.threshold = value

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """See `Detector.detect`."""
        with self._clock.counting("detect"):
            return self._inner.detect(pictures, phrases)

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # asked for while a copy is still empty
            raise AttributeError(name)
        value = getattr(self._inner, name)
        return self._timed(value) if name == "propose" else value

    def _timed(self, propose: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            with self._clock.counting("detect"):
                return propose(*arguments)

        return timed


class TimedSegmenter:
    """A segmenter whose time is counted; everything else is the wrapped one's own."""

    def __init__(self, inner: Segmenter, clock: _Clock) -> None:
        self._inner, self._clock = inner, clock

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """See `Segmenter.segment`."""
        with self._clock.counting("segment"):
            return self._inner.segment(requests)

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # asked for while a copy is still empty
            raise AttributeError(name)
        return getattr(self._inner, name)
