"""How both demo models learn: weight matrices by Muon, everything else by AdamW, and the rate over a training.

Knows no model in particular.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_LEAST_SIDE = 8
"""Matrices with fewer rows or columns learn by AdamW."""


def trapezoid(progress: float, warmup: float, cooldown: float) -> float:
    """Learning rate factor at `progress` 0..1: up over `warmup`, level, down to 0 over `cooldown` at the end.

    Level in between, so that a training can be given more time and goes on as if it had always had it.
    """
    if progress < warmup:
        return max(0.02, progress / warmup)
    return 1.0 if cooldown <= 0.0 else min(1.0, max(0.0, (1.0 - progress) / cooldown))


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """The nearest matrix whose singular values are all about 1 (0.7 to 1.2), by Newton and Schulz's iteration.

    torch.optim.Muon does the same in bfloat16, which takes six times as long on processors that lack it.
    Coefficients: Keller Jordan, Muon, https://kellerjordan.github.io/posts/muon (2024).
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp(min=1e-7)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = torch.addmm(wide, torch.addmm(gram, gram, gram, beta=-4.7750, alpha=2.0315), wide, beta=3.4445)
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal, scaled to the size of AdamW's updates, so that both use one rate.

    Args:
        params: Matrices; convolutions count as (out, in x height x width).
        lr: Rate.
        momentum: Share of the past, Nesterov's way.
        weight_decay: Share of the rate that weights shrink by.
    """

    def __init__(self, params: list[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override] # noqa: ARG002
        """One update of every matrix that has a gradient; takes no closure."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group["lr"], group["momentum"], group["weight_decay"])

    def _update(self, weight: Tensor, gradient: Tensor, lr: float, momentum: float, weight_decay: float) -> None:
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        past = state["momentum"]
        past.lerp_(gradient, 1.0 - momentum)
        update = orthogonal(gradient.lerp(past, momentum).reshape(len(weight), -1))
        weight.mul_(1.0 - lr * weight_decay)
        weight.add_(update.view_as(weight), alpha=-lr * 0.2 * max(update.shape) ** 0.5)


def matrices(model: nn.Module) -> list[Tensor]:
    """Weights of linear layers and of dense convolutions that mix channels, by Muon; the rest is for AdamW."""
    found: dict[int, Tensor] = {}
    for module in model.modules():
        if isinstance(module, nn.Linear) or (
            isinstance(module, nn.Conv2d) and module.groups == 1 and module.in_channels >= _LEAST_SIDE
        ):
            weight = module.weight
            if weight.requires_grad and min(len(weight), weight[0].numel()) >= _LEAST_SIDE:
                found[id(weight)] = weight
    return list(found.values())


class Optimizers:
    """Muon for a model's matrices and AdamW for what is left, as one.

    Args:
        model: What goes into the finished model.
        companions: Modules that only help training; all of them learn by AdamW.
        weight_decay: Of the matrices.
    """

    def __init__(self, model: nn.Module, companions: list[nn.Module], weight_decay: float) -> None:
        by_muon = matrices(model)
        known = {id(weight) for weight in by_muon}
        every = [weight for module in (model, *companions) for weight in module.parameters() if weight.requires_grad]
        rest = [weight for weight in every if id(weight) not in known]
        self._all = [*by_muon, *rest]
        self._optimizers: tuple[torch.optim.Optimizer, ...] = (
            Muon(by_muon, lr=1e-4, weight_decay=weight_decay),
            torch.optim.AdamW(rest, lr=1e-4, weight_decay=0.0),
        )

    def clear(self) -> None:
        """Forgets the gradients."""
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)

    def update(self, rate: float, clip: float) -> None:
        """Moves every weight at `rate` along its gradient, all gradients together cut to norm `clip`."""
        torch.nn.utils.clip_grad_norm_(self._all, clip)
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()

    def state_dict(self) -> list[dict[str, Any]]:
        """What a checkpoint keeps."""
        return [optimizer.state_dict() for optimizer in self._optimizers]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Takes up what `state_dict` gave."""
        for optimizer, state in zip(self._optimizers, states, strict=True):
            optimizer.load_state_dict(state)
