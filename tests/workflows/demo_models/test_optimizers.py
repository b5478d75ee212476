import pytest
import torch
from torch import nn

from workflows.demo_models.optimizers import Muon, Optimizers, matrices, orthogonal, trapezoid


def test_trapezoid_rises_stays_and_falls_to_nothing():
    factors = [trapezoid(progress, 0.1, 0.4) for progress in (0.0, 0.05, 0.1, 0.6, 0.8, 1.0)]
    assert factors == pytest.approx([0.02, 0.5, 1.0, 1.0, 0.5, 0.0])


def test_trapezoid_without_a_cooldown_stays_to_the_end():
    assert trapezoid(1.0, 0.1, 0.0) == 1.0


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 24)])
def test_orthogonal_brings_every_singular_value_to_about_one(shape: tuple[int, int]):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 7
    values = torch.linalg.svdvals(orthogonal(matrix))
    assert values.min() > 0.4
    assert values.max() < 1.3


def test_orthogonal_keeps_the_directions():
    left, _ = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(1)))
    found = orthogonal(left * 3)
    assert torch.nn.functional.cosine_similarity(found.ravel(), left.ravel(), dim=0) > 0.97


def test_matrices_are_the_weights_that_mix_channels():
    model = nn.Sequential(
        nn.Conv2d(3, 16, 4), nn.Conv2d(16, 16, 3, groups=16), nn.Conv2d(16, 32, 2), nn.LayerNorm(8), nn.Linear(8, 4)
    )
    wide = nn.Linear(32, 16)
    model.append(wide)
    model.append(nn.Embedding(50, 16))
    found = matrices(model)
    assert [tuple(weight.shape) for weight in found] == [(32, 16, 2, 2), (16, 32)]


def test_optimizers_learn_a_map_and_go_on_from_their_state():
    torch.manual_seed(0)
    wanted = torch.randn(16, 16)
    pictures = torch.randn(256, 16)
    model, head = nn.Linear(16, 16), nn.Linear(16, 1)
    optimizers = Optimizers(model, [head], weight_decay=0.0)

    def loss() -> torch.Tensor:
        return (model(pictures) - pictures @ wanted).square().mean() + (head(pictures) - 1).square().mean()

    first = loss().item()
    for step in range(200):
        optimizers.clear()
        loss().backward()
        optimizers.update(0.05 * trapezoid(step / 200, 0.05, 0.5), 1e9)
    assert loss().item() < 0.02 * first
    twin = Optimizers(nn.Linear(16, 16), [nn.Linear(16, 1)], weight_decay=0.0)
    twin.load_state_dict(optimizers.state_dict())
    assert twin.state_dict()[0]["state"][0]["momentum"].equal(optimizers.state_dict()[0]["state"][0]["momentum"])


def test_muon_decays_weights_without_a_push():
    weight = nn.Parameter(torch.ones(8, 8))
    weight.grad = torch.zeros(8, 8)
    Muon([weight], lr=0.1, weight_decay=0.5).step()
    assert weight.detach().allclose(torch.full((8, 8), 0.95))
