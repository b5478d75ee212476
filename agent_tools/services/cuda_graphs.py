"""Replays a part of a model on CUDA as one recorded graph, so that the GPU never waits for Python.

A graph holds for inputs of one make. The first call of a make runs as it is (Triton compiles, libraries choose their
kernels); the second records; the others replay. A part that cannot be recorded runs as it is from then on, and the log
says why. On other devices nothing is recorded. This module does not know what the part computes.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from agent_tools.errors import shorten

MOST = 4
"""Makes of input that are kept as graphs, each with memory of its own for all that lies between its steps."""
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    outputs: Any


def replay(part: nn.Module, device: torch.device) -> None:
    """Record a part of a model where it runs on CUDA; see `Graphed`."""
    if device.type == "cuda":
        part.forward = Graphed(part.forward)


class Graphed:
    """A function of tensors, recorded. Not for several threads at once: a service's lock is held round it anyway."""

    def __init__(self, function: Callable[..., Any]) -> None:
        """Records nothing yet.

        Args:
            function: without effects, of tensors on one device and of plain values; what it does may depend on shapes
                and plain values, never on what is in a tensor.
        """
        self._function = function
        self._known: OrderedDict[Hashable, _Recording | None] = OrderedDict()
        self._broken = False

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """What the function answers; tensors in it are the caller's to keep."""
        leaves, shape = pytree.tree_flatten((arguments, named))
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        if self._broken or not tensors or any(tensor.device.type != "cuda" for tensor in tensors):
            return self._function(*arguments, **named)
        half = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
        makes = ((leaf.shape, leaf.dtype, leaf.device) if isinstance(leaf, Tensor) else repr(leaf) for leaf in leaves)
        key = (*makes, str(shape), half)
        if key not in self._known:
            self._known[key] = None
            while len(self._known) > MOST:
                self._known.popitem(last=False)
            return self._function(*arguments, **named)
        self._known.move_to_end(key)
        recording = self._known[key]
        if recording is None:
            try:
                recording = self._known[key] = self._record(leaves, shape)
            except RuntimeError as error:
                _log.warning("a part of a model runs without a CUDA graph, slower: %s", shorten(error, 160))
                self._broken = True
                torch.cuda.synchronize()
                return self._function(*arguments, **named)
        for kept, given in zip(recording.inputs, tensors, strict=True):
            kept.copy_(given)
        recording.graph.replay()
        # The next replay writes over what the graph gave.
        return pytree.tree_map_only(Tensor, torch.clone, recording.outputs)

    def _record(self, leaves: list[Any], shape: Any) -> _Recording:
        kept = [leaf.clone() if isinstance(leaf, Tensor) else leaf for leaf in leaves]
        arguments, named = pytree.tree_unflatten(kept, shape)
        half = torch.is_autocast_enabled("cuda")
        # Casts that autocast keeps end with it, and the graph would read freed memory: here it keeps none.
        with torch.autocast("cuda", torch.get_autocast_dtype("cuda"), enabled=half, cache_enabled=False):
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                self._function(*arguments, **named)
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                outputs = self._function(*arguments, **named)
        return _Recording(graph, [leaf for leaf in kept if isinstance(leaf, Tensor)], outputs)
