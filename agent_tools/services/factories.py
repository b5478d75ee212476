"""Turns what a person typed after ``--detector``, ``--segmenter`` or ``--inpainter`` into a service, and checks that
it is one.

Only the command line, the caller's own code and installed entry points come here, never a request: a factory is code
that is run. This module does not know presets or any model.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import re
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from agent_tools.errors import AskmaskError, ConfigError, shorten
from agent_tools.inpainting import Inpainter
from agent_tools.services.base import Detector, Segmenter
from agent_tools.services.checkpoints import HUB_ID, locate, model_type, names_file, wrong_family
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.tiling import TiledDetector

Role = Literal["detector", "segmenter", "inpainter"]
_IN_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")
_IN_MODULE = re.compile(r"(?P<module>[A-Za-z_][\w.]*):(?P<name>[A-Za-z_]\w*)")
_BUILT_IN: dict[tuple[Role, str], str] = {
    ("segmenter", "grabcut"): "agent_tools.services.grabcut:GrabCut",
    ("inpainter", "opencv"): "agent_tools.services.inpainting.smearing:OpenCv",
}
"""Services of ours that need no weights, by the name that a person types."""
_DETECTORS = {
    "grounding-dino": "agent_tools.services.grounding_dino:GroundingDino",
    "mm-grounding-dino": "agent_tools.services.grounding_dino:GroundingDino",
    "owlv2": "agent_tools.services.owlv2:Owlv2",
}
"""Our detectors, by the model type that transformers knows their weights by."""
FORMS = (
    "a folder, a hub id owner/name, the authors' file of weights, path/to/file.py:factory, package.module:factory, "
    "http://host:port or an installed entry point"
)
_INPAINTER_FORMS = (
    "patches, opencv, lama:FILE.onnx, diffusers:FOLDER or diffusers:OWNER/NAME, path/to/file.py:factory, "
    "package.module:factory or an installed entry point"
)


def is_address(typed: str) -> bool:
    """Whether a model server is meant."""
    return re.match(r"https?://", typed, re.IGNORECASE) is not None


def build_detector(typed: str, device: str, cache: EncodingCache) -> Detector:
    """The detector that `typed` names.

    Args:
        typed: a folder, a hub id, a file of the model's authors (``.pth``), ``path/to/file.py:factory``,
            ``package.module:factory``, an entry point's name, or a model server's address.
        device: auto, cpu, cuda:n or mps; for models of our own, a factory chooses for itself.
        cache: where models of our own keep their encodings.

    Raises:
        ConfigError: nothing of that name, a factory that fails, or an object that is no detector.
        ServiceError: the hub or the server cannot be reached.
    """
    if is_address(typed):
        from agent_tools.services.remote import RemoteDetector

        return RemoteDetector(typed)
    factory = _factory("detector", typed)
    if factory is None:
        # Late imports: they load torch, which a factory of somebody else's may not need.
        source = locate(typed, "detector")
        # Of our detectors only Grounding DINO's authors publish a file of their own; it checks what it is given.
        family = "grounding-dino" if source.is_file() else model_type(source)
        if family not in _DETECTORS:
            raise wrong_family(typed, "detector", family, _DETECTORS)
        module, name = _DETECTORS[family].split(":")
        detector = getattr(importlib.import_module(module), name)(typed, device, cache)
        return TiledDetector(detector, detector.input_size, detector.tiling)
    service = _called("detector", typed, factory)
    what = f"detector={shorten(typed)} gave a {type(service).__name__}"
    if not (isinstance(service, Detector) and callable(service.detect)):
        raise ConfigError(
            f"{what}: expected an object with detect(pictures, phrases) and threshold. "
            "See agent_tools/services/base.py."
        )
    threshold: object = service.threshold
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not math.isfinite(threshold):
        raise ConfigError(f"{what} with threshold={shorten(threshold)}: expected a number. Set the threshold.")
    return service


def build_segmenter(typed: str, device: str, cache: EncodingCache) -> Segmenter:
    """The segmenter that `typed` names; arguments and errors as for `build_detector`."""
    if is_address(typed):
        from agent_tools.services.remote import RemoteSegmenter

        return RemoteSegmenter(typed)
    factory = _factory("segmenter", typed)
    if factory is None:
        from agent_tools.services.sam import Sam

        return Sam(typed, device, cache)
    service = _called("segmenter", typed, factory)
    if not (isinstance(service, Segmenter) and callable(service.segment)):
        raise ConfigError(
            f"segmenter={shorten(typed)} gave a {type(service).__name__}: expected an object with segment(requests). "
            "See agent_tools/services/base.py."
        )
    return service


def build_inpainter(typed: str | None, device: str = "auto") -> Inpainter | None:
    """What fills holes, as `typed` names it; None where that is patches of the picture itself.

    Args:
        typed: ``patches`` or None, ``opencv``, ``lama:FILE.onnx``, ``diffusers:`` and a folder or hub id,
            ``path/to/file.py:factory``, ``package.module:factory`` or an entry point's name.
        device: auto, cpu, cuda:n or mps; for diffusers.

    Raises:
        ConfigError: nothing of that name, a factory that fails, or an object that is no inpainter.
    """
    if typed is None or typed == "patches":
        return None
    kind, _, source = typed.partition(":")
    if kind == "lama":
        from agent_tools.services.inpainting.lama import Lama

        return Lama(source)
    if kind == "diffusers":
        from agent_tools.services.inpainting.diffusion import Diffusion

        return Diffusion(source, device)
    factory = _factory("inpainter", typed)
    if factory is None:
        raise ConfigError(
            f"inpainter={shorten(typed)} names nothing: expected {_INPAINTER_FORMS}. Correct it, or leave it out."
        )
    service = _called("inpainter", typed, factory)
    if not (isinstance(service, Inpainter) and callable(service.fill)):
        raise ConfigError(
            f"inpainter={shorten(typed)} gave a {type(service).__name__}: expected an object with fill(pixels, hole). "
            "See agent_tools/inpainting.py."
        )
    return service


def _called(role: Role, typed: str, factory: Callable[[], Any]) -> Any:
    try:
        return factory()
    except AskmaskError:
        raise
    except Exception as error:
        raise ConfigError(
            f"{role}={shorten(typed)} failed when called ({type(error).__name__}: {shorten(error, 160)}): "
            f"expected it to return a {role}. Correct the factory, or use --models demo."
        ) from error


def _factory(role: Role, typed: str) -> Callable[[], Any] | None:
    """What to call; None where `typed` is a folder, a hub id or a file of weights."""
    typed = _BUILT_IN.get((role, typed), typed)
    if Path(typed).expanduser().is_dir() or names_file(typed):
        return None
    if match := _IN_FILE.fullmatch(typed):
        module = _module_of_file(role, typed, Path(match["file"]).expanduser())
        return _member(role, typed, module, match["name"])
    if match := _IN_MODULE.fullmatch(typed):
        return _member(role, typed, _imported(role, typed, match["module"]), match["name"])
    for entry in entry_points(group=f"askmask.{role}s", name=typed):
        try:
            loaded: Callable[[], Any] = entry.load()
        except Exception as error:
            raise _not_importable(role, typed, error) from error
        return loaded
    if HUB_ID.fullmatch(typed):
        return None
    names = [name for its_role, name in _BUILT_IN if its_role == role]
    names += [entry.name for entry in entry_points(group=f"askmask.{role}s")]
    installed = ", ".join(sorted(names)) or "none"
    forms, instead = (_INPAINTER_FORMS, "leave it out") if role == "inpainter" else (FORMS, "use --models demo")
    raise ConfigError(
        f"{role}={shorten(typed)} names nothing: expected {forms} (installed: {installed}). Correct it, or {instead}."
    )


def _imported(role: Role, typed: str, module: str) -> Any:
    try:
        return importlib.import_module(module)
    except Exception as error:
        raise _not_importable(role, typed, error) from error


def _module_of_file(role: Role, typed: str, path: Path) -> Any:
    """The module in a file, imported once under a name of its own."""
    if not path.is_file():
        raise ConfigError(f"{role}={shorten(typed)} has no file {shorten(path)}: expected one. Correct the path.")
    name = f"askmask_factory_{sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{role}={shorten(typed)} is not Python: expected a .py file. Correct the path.")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickles of the module look it up by name while it runs.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, Exception):
            raise _not_importable(role, typed, error) from error
        raise
    return module


def _not_importable(role: Role, typed: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"{role}={shorten(typed)} cannot be imported ({type(error).__name__}: {shorten(error, 160)}): "
        "expected a module that runs. Install what it needs, or use --models demo."
    )


def _member(role: Role, typed: str, module: Any, name: str) -> Callable[[], Any]:
    factory = getattr(module, name, None)
    if callable(factory):
        return factory  # type: ignore[no-any-return]
    public = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
    raise ConfigError(
        f"{role}={shorten(typed)} has no function {name}: expected one of {shorten(', '.join(public) or 'none', 160)}. "
        "Name a function without arguments that returns the service."
    )
