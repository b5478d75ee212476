"""Recording needs CUDA; what holds everywhere is that nothing else is recorded. See tests/gpu for the rest."""

import torch
from torch import nn

from agent_tools.services.cuda_graphs import Graphed, replay


def test_graphed_without_cuda_runs_the_function_each_time() -> None:
    calls = []
    graphed = Graphed(lambda some, scale=1: calls.append(scale) or some * scale)
    for _ in range(3):
        assert torch.equal(graphed(torch.ones(2), scale=3), torch.full((2,), 3.0))
    assert calls == [3, 3, 3]


def test_replay_leaves_parts_on_other_devices_as_they_are() -> None:
    part = nn.Linear(2, 2)
    replay(part, torch.device("cpu"))
    assert "forward" not in vars(part)
    replay(part, torch.device("cuda", 0))
    assert isinstance(part.forward, Graphed)
