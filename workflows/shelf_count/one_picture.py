"""Counts one picture, and turns whatever goes wrong with it into a line: what a worker process and a Ray actor share.

This module does not know which pictures there are, who asks for them, or where results go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath

from agent_tools.errors import AskmaskError, ServiceError, shorten
from agent_tools.pictures import Picture
from agent_tools.services.base import Detector
from agent_tools.shelves.counting import count_shelf
from agent_tools.shelves.products import Product
from agent_tools.shelves.results import ShelfCount
from workflows.shelf_count import addresses
from workflows.shelf_count.results_kept import ShelfPicture
from workflows.shelf_count.store import COUNTS

LONGEST_ERROR = 400

Counter = Callable[..., ShelfCount]
"""Called as `count_shelf` is; importable, as other processes have to find it."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker has to know before its first picture.

    Attributes:
        products: what is looked for.
        models: preset or model server; None: the default.
        detector: in place of the preset's; None: the preset's.
        device: auto, cpu, cuda:n or mps; None: the default.
        counter: counts the products on a picture.
    """

    products: tuple[Product, ...]
    models: str | None = None
    detector: str | None = None
    device: str | None = None
    counter: Counter = count_shelf


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one picture came to.

    Attributes:
        digest: sha256 of its bytes, hex; empty where they could not be read.
        count: JSON of a `ShelfCount`; None where there is an error.
        error: why there is none, one line.
        service: whether it was the models that failed and not the picture.
    """

    digest: str = ""
    count: bytes | None = None
    error: str = ""
    service: bool = False


def open_detector(job: Job) -> Detector:
    """The detector of a job, without the segmenter that its preset has too: nothing here makes masks.

    Raises:
        ConfigError: no such model or device.
        ServiceError: its weights cannot be fetched, or its server not be reached.
    """
    from agent_tools.services.encodings import EncodingCache
    from agent_tools.services.factories import build_detector
    from agent_tools.services.presets import default_preset, find_preset, source_of
    from agent_tools.settings import settings

    defaults = settings()
    preset = find_preset(job.models or defaults.models or default_preset())
    source = job.detector or defaults.detector or source_of(preset, "detector")
    try:
        return build_detector(source, job.device or defaults.device, EncodingCache.configured())
    except AskmaskError:
        raise
    except Exception as error:
        raise ServiceError(
            f"detector={shorten(source)} cannot be opened ({type(error).__name__}: {shorten(error, 160)}): expected a "
            "model. Try it with askmask ask first."
        ) from error


def read_picture(address: str) -> tuple[bytes, Outcome]:
    """The bytes of a picture and their digest; no bytes and the error where they cannot be read."""
    try:
        data = addresses.read(address)
    except Exception as error:  # noqa: BLE001 (one picture is never the end of a run)
        return b"", Outcome(error=one_line(error))
    return data, Outcome(sha256(data).hexdigest())


def count_bytes(data: bytes, picture: ShelfPicture, job: Job, detector: Detector) -> Outcome:
    """Count one picture, alone, so that no count depends on what else there is; then drop what was kept of it.

    Args:
        data: the bytes of its file.
        picture: where it comes from.
        job: what is looked for.
        detector: what looks.
    """
    digest = sha256(data).hexdigest()
    try:
        opened = Picture.from_bytes(data, PurePosixPath(picture.address.partition("::")[0].replace("\\", "/")).name)
        _ = opened.array
        count = job.counter(opened, job.products, detector, store=picture.store, shelf=picture.shelf)
        return Outcome(digest, COUNTS.dump_json(count, warnings="error"))
    except MemoryError:
        return Outcome(digest, error="picture= does not fit into memory: expected room for it. Make it smaller.")
    except Exception as error:  # noqa: BLE001 (one picture is never the end of a run)
        return Outcome(digest, error=one_line(error), service=isinstance(error, ServiceError))
    finally:
        if forget := getattr(detector, "forget", None):
            forget(digest)


def one_line(error: BaseException) -> str:
    """An error as a row of a table has it."""
    said = str(error) if isinstance(error, AskmaskError) else f"{type(error).__name__}: {error}"
    return shorten(" ".join(said.split()), LONGEST_ERROR) or type(error).__name__
