"""Opens weights as the authors of a model published them: one file, named and laid out by the authors' own code.

The names become those of transformers' published checkpoints by tables of patterns, one table a model; no weight is
left over and none is made up. Files are read as tensors alone and mapped into memory, so that opening costs next to
nothing; objects in a pickle are never made, and nothing is written. This module does not know any model.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from agent_tools.errors import ConfigError, shorten
from agent_tools.services.checkpoints import silence

Tensors = dict[str, torch.Tensor]
Names = Mapping[str, str | tuple[str, ...]]
"""Patterns of original names → patterns of ours; several where one original tensor is ours side by side, in rows.

``*`` stands for one part between dots or what is left of it, ``**`` for any number of parts; what they stood for takes
the same places in ours.
"""
_WRAPPINGS = ("model", "state_dict")
"""Under which training code keeps the weights, beside its optimizer and the like."""
_GIVE_THEIRS = "Give the file that the model's authors published."
_OTHER_STARTS = {
    b"version https://git-lfs": ("is a Git LFS pointer", "Fetch the file itself with git lfs pull."),
    b"PK\x03\x04": ("is cut short", "Fetch it again."),  # a zip archive without its end
}


@dataclass(frozen=True)
class Layout:
    """How the authors of one model lay out its weights.

    Attributes:
        title: the model, for errors: "Segment Anything".
        signs: names that a file of this model has and those of its relatives lack.
        names: see `Names`; together they are one to one.
        ignored: patterns of names that are no weights of the model, or that nothing reads.
        foreign: a pattern of names that only another model has → what such a file is and what to do with it.
    """

    title: str
    signs: Sequence[str]
    names: Names
    ignored: Sequence[str]
    foreign: Mapping[str, tuple[str, str]]


def read_original(path: Path, what: str, layout: Layout) -> Tensors:
    """The weights in a file of one model, by the authors' names, mapped into memory.

    Args:
        path: ``.pth``, ``.pt`` or ``.safetensors``.
        what: names the file in errors.
        layout: of the model that is wanted.

    Raises:
        ConfigError: another model, a damaged file, one that holds more than tensors, or no checkpoint at all.
    """
    tensors = (
        _safetensors(path, what) if path.suffix.lower() == ".safetensors" else _unwrapped(_pickled(path, what), what)
    )
    if all(name.startswith("module.") for name in tensors):
        tensors = {name.removeprefix("module."): tensor for name, tensor in tensors.items()}
    for pattern, (kind, step) in layout.foreign.items():
        if any(_regex(pattern).fullmatch(name) for name in tensors):
            raise ConfigError(f"{what} is {kind}: expected {layout.title}. {step}")
    if not all(sign in tensors for sign in layout.signs):
        raise ConfigError(
            f"{what} is not {layout.title} ({shorten(next(iter(tensors), 'no weights'))}, ...): expected weights "
            "named as its authors name them. Give the authors' file, or a folder or hub id for other models."
        )
    return tensors


def build_original(model_class: Any, config: Any, tensors: Tensors, what: str, layout: Layout) -> Any:
    """The model with the weights of a file, float32, ready to answer; they stay in the file's memory.

    Args:
        model_class: of transformers.
        config: fits the weights.
        tensors: as `read_original` gave them.
        what: names the file in errors.
        layout: of the model.

    Raises:
        ConfigError: weights that are missing, left over or of another size.
    """
    kept = {name: tensor for name, tensor in tensors.items() if not _any_match(layout.ignored, name)}
    ours = dict(rename(kept, layout.names))
    try:
        with silence():
            model, report = model_class.from_pretrained(
                None,
                config=config,
                state_dict=ours,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except (RuntimeError, ValueError, TypeError, ArithmeticError) as error:
        raise ConfigError(
            f"{what} cannot be opened ({type(error).__name__}: {shorten(error, 160)}): expected {layout.title}. "
            "Fetch the file again."
        ) from error
    wrong = {
        "lacks": report["missing_keys"],
        "has surplus": report["unexpected_keys"],
        "has wrongly sized": {key[0] for key in report["mismatched_keys"]},
    }
    for verb, names in wrong.items():
        if names:
            raise ConfigError(
                f"{what} {verb} weights ({_first_name(names, layout.names)}; {len(names)} in all): expected exactly "
                f"those of {layout.title}. Fetch the authors' file again; a changed model needs its own port."
            )
    return model.eval()


def rename(tensors: Mapping[str, torch.Tensor], names: Names) -> Iterator[tuple[str, torch.Tensor]]:
    """Each tensor under its name in transformers' checkpoints, split where they have several; unknown names stay."""
    table = [(_regex(pattern), (ours,) if isinstance(ours, str) else ours) for pattern, ours in names.items()]
    for name, tensor in tensors.items():
        found = next(((match, ours) for pattern, ours in table if (match := pattern.fullmatch(name))), None)
        if found is None:
            yield name, tensor
            continue
        match, ours = found
        parts = [tensor] if len(ours) == 1 else tensor.chunk(len(ours))
        for target, part in zip(ours, parts, strict=True):
            yield _filled(target, match.groups()), part


def shape(tensors: Tensors, name: str, what: str, dimensions: int) -> tuple[int, ...]:
    """The shape of a weight from which a configuration is told.

    Raises:
        ConfigError: the file lacks it, or it has not so many dimensions.
    """
    sizes = tuple(tensors[name].shape) if name in tensors else ()
    if len(sizes) != dimensions or 0 in sizes:
        wrong = f"has wrongly sized weights ({name}, {list(sizes)})" if name in tensors else f"lacks weights ({name})"
        raise ConfigError(f"{what} {wrong}: expected all of the model. Fetch the authors' file again.")
    return sizes


def count(tensors: Tensors, prefix: str) -> int:
    """How many numbered modules there are under ``prefix.0``, ``prefix.1``, ..."""
    numbers = {name[len(prefix) + 1 :].split(".")[0] for name in tensors if name.startswith(prefix + ".")}
    return max((int(number) for number in numbers if number.isdigit()), default=-1) + 1


def _pickled(path: Path, what: str) -> Any:
    """What is in a file of torch.save, tensors alone."""
    with path.open("rb") as file:
        head = file.read(24)
    zipped = zipfile.is_zipfile(path)
    if not zipped and head[:1] != b"\x80":  # what every pickle that torch writes begins with
        found = [said for start, said in _OTHER_STARTS.items() if head.startswith(start)]
        wrong, step = found[0] if found else (f"is {'no checkpoint of PyTorch' if head else 'empty'}", _GIVE_THEIRS)
        raise ConfigError(f"{what} {wrong}: expected weights saved by torch.save. {step}")
    try:
        with warnings.catch_warnings():  # about archives of other kinds, which are refused all the same
            warnings.simplefilter("ignore")
            # Files from before PyTorch 1.6 are no archives and cannot be mapped.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except pickle.UnpicklingError as error:
        raise ConfigError(
            f"{what} holds objects that are no tensors and could run code: expected weights alone. {_GIVE_THEIRS}"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, AttributeError, IndexError, OSError) as error:
        raise ConfigError(
            f"{what} cannot be read ({type(error).__name__}: {shorten(error, 120)}): expected weights saved by "
            "torch.save. Fetch it again."
        ) from error


def _safetensors(path: Path, what: str) -> Tensors:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ConfigError(
            f"{what} cannot be read ({shorten(error, 120)}): expected a whole safetensors file. Fetch it again."
        ) from error


def _unwrapped(content: Any, what: str) -> Tensors:
    """The weights by name, out of what training code saved round them."""
    for key in _WRAPPINGS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
            break
    if not isinstance(content, Mapping) or not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
        raise ConfigError(
            f"{what} holds no weights by name: expected a state_dict, bare or under {' or '.join(_WRAPPINGS)}. "
            f"{_GIVE_THEIRS}"
        )
    return dict(content)


def _first_name(names: Sequence[str], table: Names) -> str:
    """One of transformers' names as the authors call it, where the table says so."""
    name = sorted(names)[0]
    for pattern, ours in table.items():
        for one in (ours,) if isinstance(ours, str) else ours:
            if match := _regex(one).fullmatch(name):
                return _filled(pattern, match.groups())
    return name


def _any_match(patterns: Sequence[str], name: str) -> bool:
    return any(_regex(pattern).fullmatch(name) for pattern in patterns)


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    parts = {"**": "(.+)", "*": r"([^.]+)"}
    return re.compile("".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*|\*)", pattern)))


def _filled(pattern: str, values: Sequence[str]) -> str:
    """A pattern with what its stars stand for."""
    left = iter(values)
    return re.sub(r"\*\*|\*", lambda _: next(left), pattern)
