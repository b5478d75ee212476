"""Opens a model's files: a folder, or a repository of the Hugging Face hub, safetensors only; finds a lone file.

A folder may hold an ``askmask.json`` with what was calibrated for its weights, and a ``closed_vocabulary.json`` with
the only words they know. Code that comes with weights is never run, pickled weights are never read, and nothing is
printed. This module does not know what phrases mean, prompts or presets, nor what is in the authors' own files; see
`originals`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_tools.errors import AskmaskError, ConfigError, ServiceError, shorten
from agent_tools.services.closed_vocabulary import ClosedVocabulary

SETTINGS_FILE = "askmask.json"
VOCABULARY_FILE = "closed_vocabulary.json"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
PATTERNS = ("*.safetensors", "*.json", "*.txt")
"""What is fetched from a repository: weights, configurations, vocabularies."""
ORIGINAL_SUFFIXES = (".pth", ".pt", ".safetensors")
"""Of lone files of weights, as the authors of a model publish them."""
_PROBE_SECONDS = 5.0
_File = TypeVar("_File", bound=BaseModel)


class TilingSettings(BaseModel):
    """``tiling`` in ``askmask.json``: when closer looks at parts of a picture pay for one detector.

    Wherever the detector is saturated they are taken anyway; see `agent_tools.services.tiling`.

    Attributes:
        small: median size of the candidates, as a share of the shorter side of what the model sees, up to which they
            are small to it, in [0, 1]; 0: they never are.
        many: candidates of one phrase from which small things are looked at closer, where the model sees the picture
            pixel for pixel; the more the picture is scaled down, in proportion the fewer it takes.
        most: largest number of tiles of one picture.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    small: float = Field(default=0.0, ge=0, le=1)
    many: int = Field(default=22, ge=1)
    most: int = Field(default=20, ge=2)


class LookSettings(BaseModel):
    """One of ``looks`` in ``askmask.json``: how a detector looks at a picture once more.

    Attributes:
        scale: times the size that the weights' processor scales pictures to.
        mirrored: left and right swapped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    scale: float = Field(default=1.0, gt=0.1, le=4)
    mirrored: bool = False


class LikenessSettings(BaseModel):
    """``likeness`` in ``askmask.json``: what the chance that two proposals are of one kind is made from.

    The chance is the logistic of a sum; `workflows.demo_models.likeness_calibration` fits it on rendered scenes. The
    defaults are those of the bundled weights, in round numbers.

    Attributes:
        bias: of the sum.
        features: times the inner product of their features.
        colour: times the distance of their mean colours (CIE Lab, 8 bits a channel, the lightness counting 0.4).
        size: times the distance of the logarithms of the sides of squares of their area.
        score: times the log-odds of the proposal's own score.
        histogram: times the likeness of their colours as histograms, in [0, 1].
        shape: times the distance of the logarithms of width over height.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    bias: float = -0.2
    features: float = 3.0
    colour: float = -0.055
    size: float = -3.0
    score: float = 1.0
    histogram: float = 0.0
    shape: float = 0.0


class CheckpointSettings(BaseModel):
    """``askmask.json``: what was calibrated for one checkpoint. Every key is optional; others are ignored.

    Attributes:
        threshold: score where a hit begins, in [0, 1].
        floor: lowest score that leaves the detector as a candidate, in [0, 1].
        phrase_score: how the scores of a phrase's tokens become the phrase's: max, mean or min.
        suppress_iou: IoU above which two boxes of one phrase are the same thing, in [0, 1].
        precision_curve: (score, precision) pairs, rising scores, measured on held-out pictures; empty where unknown.
        mask_prompt_logit: logit that stands for "inside" when an earlier mask becomes a prompt; negated outside.
        draw_prompts: whether the segmenter was also taught each prompt as a picture; see `drawn_prompts`.
        zoom: share of each side of the picture that the segmenter's closer looks show, in [0, 1); 0: it takes none.
            For small models: a look costs one more encoding of the picture, made at the first prompt it serves.
        snap_outlines: whether masks end where the picture's own edges and colours do; for small models, whose mask
            cells are several pixels wide; see `outlines`.
        least_iou: predicted IoU in [0, 1] that a mask nobody asked for needs; None: what suits Segment Anything.
        least_stability: likewise of its stability.
        tiling: when the detector looks closer at parts of a picture.
        looks: how the detector looks at each picture; what several saw is put together in `fusion`. For small models:
            each costs as much as the first.
        likeness: how alike two of the detector's proposals have to be to be of one kind.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    threshold: float | None = Field(default=None, ge=0, le=1)
    floor: float | None = Field(default=None, ge=0, le=1)
    phrase_score: Literal["max", "mean", "min"] = "max"
    suppress_iou: float = Field(default=0.6, ge=0, le=1)
    precision_curve: tuple[tuple[float, float], ...] = ()
    mask_prompt_logit: float = Field(default=10.0, gt=0)
    draw_prompts: bool = False
    zoom: float = Field(default=0.0, ge=0, lt=1)
    snap_outlines: bool = False
    least_iou: float | None = Field(default=None, ge=0, le=1)
    least_stability: float | None = Field(default=None, ge=0, le=1)
    tiling: TilingSettings = TilingSettings()
    looks: tuple[LookSettings, ...] = Field(default=(LookSettings(),), min_length=1, max_length=8)
    likeness: LikenessSettings = LikenessSettings()

    @classmethod
    def read(cls, folder: Path) -> CheckpointSettings:
        """The settings beside the weights, or the defaults where the folder has none; a lone file has none.

        Raises:
            ConfigError: the file is not valid.
        """
        return _beside(folder, SETTINGS_FILE, cls) or cls()


def read_vocabulary(folder: Path) -> ClosedVocabulary | None:
    """The words beside the weights; None where the folder has none, and the model reads any phrase.

    Raises:
        ConfigError: the file is not valid.
    """
    return _beside(folder, VOCABULARY_FILE, ClosedVocabulary)


def _beside(folder: Path, name: str, shape: type[_File]) -> _File | None:
    """A file beside the weights, checked; None where there is none."""
    path = folder / name
    if not path.is_file():
        return None
    try:
        return shape.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise ConfigError(f"{name}={shorten(path)} is not valid: expected {first}. Correct or delete it.") from None


def locate(source: str | Path, role: str) -> Path:
    """The folder with a model's files, fetched from the hub where it is not on this machine yet, or the lone file.

    Args:
        source: a folder, a hub id ``owner/name``, or a file of weights.
        role: "detector" or "segmenter", for errors.

    Raises:
        ConfigError: neither a folder with a model in it nor a hub id, or no such file.
        ServiceError: the hub could not be reached.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return _checked(folder, f"{role}={shorten(source)}")
    if names_file(source):
        if folder.is_file():
            return folder
        raise ConfigError(f"{role}={shorten(source)} is not there: expected a file of weights. Correct the path.")
    if not HUB_ID.fullmatch(str(source)):
        raise ConfigError(
            f"{role}={shorten(source)} is not there: expected a folder with a model, or a hub id owner/name. "
            "Correct the path, or use --models demo."
        )
    return cached(str(source)) or fetch(str(source), role)


def names_file(source: str | Path) -> bool:
    """Whether this is the name of a lone file of weights, there or not."""
    return Path(source).suffix.lower() in ORIGINAL_SUFFIXES


def cached(hub_id: str) -> Path | None:
    """The folder of a repository already on this machine and whole, else None. Never touches the network."""
    try:
        return _checked(snapshot(hub_id), hub_id)
    except (FileNotFoundError, ConfigError):
        return None


def snapshot(hub_id: str) -> Path:
    """The folder of what is on this machine of a repository, whole or not. Never touches the network.

    Raises:
        FileNotFoundError: there is nothing of it.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(hub_id, local_files_only=True, allow_patterns=list(PATTERNS)))
    except HFValidationError as error:
        raise FileNotFoundError(hub_id) from error


def fetch(hub_id: str, role: str) -> Path:
    """Fetch a repository's safetensors and configurations; files already here, whole or in part, are not fetched again.

    Raises:
        ServiceError: the hub cannot be reached, or has no such public repository; says so within seconds.
        ConfigError: the repository holds no safetensors model.
    """
    what = f"{role}={hub_id}"
    step = "Check the name and the network, or use --models demo, which needs neither."
    return _checked(fetch_files(hub_id, PATTERNS, what, step), what)


def fetch_files(hub_id: str, patterns: Sequence[str], what: str, step: str) -> Path:
    """Fetch files of a repository; the folder they are in.

    Args:
        hub_id: of the repository.
        patterns: of the files' names.
        what: is wanted, for errors.
        step: what a person can do where it fails.

    Raises:
        ServiceError: the hub cannot be reached, or has no such public repository; says so within seconds.
    """
    from huggingface_hub import HfApi, constants, snapshot_download

    try:
        # One question with a short timeout first: the download's own retries would keep a person waiting for minutes.
        if constants.HF_HUB_OFFLINE:
            raise ConnectionError("HF_HUB_OFFLINE is set")
        HfApi().model_info(hub_id, timeout=_PROBE_SECONDS)
        return Path(snapshot_download(hub_id, allow_patterns=list(patterns), etag_timeout=_PROBE_SECONDS))
    except Exception as error:  # whatever the HTTP stack raises, the person is in the same place
        reason = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        raise ServiceError(
            f"{what} cannot be fetched ({shorten(reason, 160)}): "
            f"expected it in {constants.HF_HUB_CACHE} or at {constants.ENDPOINT}. {step}"
        ) from error


def _checked(folder: Path, what: str) -> Path:
    """`folder`, when it holds a model whose weights may be read."""
    if not (folder / "config.json").is_file():
        lone = sorted(file.name for file in folder.iterdir() if names_file(file))
        step = f"Point to the file, such as {shorten(lone[0])}." if lone else "Point to the folder of the model."
        raise ConfigError(f"{what} holds no config.json: expected a model's folder. {step}")
    if not any(folder.glob("*.safetensors")):
        raise ConfigError(
            f"{what} holds no safetensors weights: expected model.safetensors. "
            "Pickled weights can run code and are not read; convert them with save_pretrained."
        )
    return folder


def model_type(folder: Path) -> str:
    """The name that transformers knows a folder's model by; empty where its configuration does not say."""
    try:
        return str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def wrong_family(source: str, role: str, family: str, families: Iterable[str]) -> ConfigError:
    """What is raised for a model that is none of those the caller can drive."""
    return ConfigError(
        f"{role}={shorten(source)} is a {family or 'nameless'} model: expected {' or '.join(families)}. "
        f"Give another {role}, or wrap this one with path/to/file.py:factory."
    )


@contextmanager
def silence() -> Iterator[None]:
    """Keep transformers' notices and progress bars off the streams while a model is opened."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def open_model(folder: Path, source: str, role: str, families: Mapping[str, Any]) -> tuple[Any, Any]:
    """A model in float32, ready to answer, and its processor.

    Args:
        folder: as `locate` gave it.
        source: what the person typed, for errors.
        role: "detector" or "segmenter", for errors.
        families: transformers' Auto class for each model type that the caller can drive.

    Raises:
        ConfigError: another type of model, or files that do not fit together.
    """
    import torch
    from transformers import AutoConfig, AutoProcessor

    what = f"{role}={shorten(source)}"
    try:
        with silence():
            config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            if config.model_type not in families:
                raise wrong_family(source, role, config.model_type, families)
            model, report = families[config.model_type].from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
            processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except AskmaskError:
        raise
    except Exception as error:  # safetensors, tokenizers and transformers raise types of their own
        raise ConfigError(
            f"{what} cannot be opened ({type(error).__name__}: {shorten(error, 160)}): expected a model saved by "
            "transformers with its processor. Fetch or save it again, or use --models demo."
        ) from error
    # A weight that is absent would be left random, and the answers quietly wrong.
    lacking = sorted(report["missing_keys"]) + [str(key[0]) for key in report["mismatched_keys"]]
    if lacking:
        raise ConfigError(
            f"{what} lacks {len(lacking)} weights ({shorten(lacking[0])}, ...): expected all of them. "
            "Fetch or save the model again."
        )
    return model.eval(), processor
