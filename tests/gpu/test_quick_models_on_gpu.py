"""Kernel, graphs and formats on a CUDA device give the numbers they give elsewhere; run where there is one."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from agent_tools.services import sam
from agent_tools.services.cuda_graphs import Graphed
from agent_tools.services.deformable_attention import choose_sampler, triton_kernel
from agent_tools.services.devices import running
from agent_tools.services.quick_layers import prepare
from benchmarks.detector_speed import fixed_boxes
from benchmarks.random_models import detector_inputs, grounding_dino
from benchmarks.random_models import sam as random_sam

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]
SHAPES = ((100, 150), (50, 75), (25, 38), (13, 19))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("batch", [1, 3])
def test_kernel_on_cuda_sums_what_the_pytorch_path_does(batch: int, dtype: torch.dtype) -> None:
    device = torch.device("cuda", 0)
    kernel = triton_kernel(device)
    assert kernel is not None, "see the log for why Triton does not run here"
    torch.manual_seed(0)
    value = torch.randn(batch, sum(height * width for height, width in SHAPES), 8, 32).to(dtype)
    x, y = 170 * torch.rand(2, batch, 1000, 8, len(SHAPES), 4) - 10
    weights = torch.randn(batch, 1000, 8, len(SHAPES) * 4).softmax(-1).unflatten(-1, (len(SHAPES), 4))
    answer = kernel(value.to(device), SHAPES, x.to(device), y.to(device), weights.to(device))
    expected = choose_sampler(value, SHAPES)(x, y, weights)
    assert answer.dtype == dtype
    torch.testing.assert_close(answer.cpu().float(), expected, atol=1e-5, rtol=2 * torch.finfo(dtype).eps)


@pytest.mark.parametrize("half", [False, True])
def test_graphed_on_cuda_replays_new_inputs_and_keeps_old_answers(half: bool) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.GELU(), torch.nn.Linear(64, 8)).cuda()
    calls = []

    def function(some: Tensor, scale: int) -> dict[str, Tensor | None]:
        calls.append(scale)
        return {"answer": layer(some) * scale, "nothing": None}

    graphed = Graphed(function)
    with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=half):
        for scale, rows in ((2, 5), (3, 5), (2, 9)):
            inputs = [torch.randn(rows, 64, device="cuda") for _ in range(6)]
            answers = [graphed(some, scale=scale)["answer"] for some in inputs]
            for some, answer in zip(inputs, answers, strict=True):
                torch.testing.assert_close(answer, layer(some) * scale)
    # Of each make: once as it is, once beside, once to be recorded.
    assert calls == [2] * 3 + [3] * 3 + [2] * 3


def test_graphed_on_cuda_goes_on_where_a_function_cannot_be_recorded() -> None:
    graphed = Graphed(lambda some: some * some.sum().item())
    for _ in range(4):
        some = torch.rand(4, device="cuda")
        torch.testing.assert_close(graphed(some), some * some.sum())


@pytest.mark.parametrize(
    ("precision", "encoding_most", "pixels_most"), [(torch.float32, 1e-4, 0.1), (torch.bfloat16, 0.03, 8.0)]
)
def test_prepared_detector_on_cuda_answers_as_the_plain_one(
    precision: torch.dtype, encoding_most: float, pixels_most: float
) -> None:
    device, size = torch.device("cuda", 0), (480, 640)
    exact: Any = grounding_dino().to(device)
    ours = copy.deepcopy(exact)
    prepare(ours, device, precision)
    inputs = detector_inputs(*size, "cuda")
    with running(device, "test"):
        expected = exact(**inputs)
        boxes = fixed_boxes(exact, expected, size)
    for _ in range(4):
        with running(device, "test", precision):
            answer = ours(**inputs)
            own = fixed_boxes(ours, answer, size)
        seen, given = (some.encoder_last_hidden_state_vision.float() for some in (expected, answer))
        assert (given - seen).norm() / seen.norm() < encoding_most
        assert ((own - boxes).abs() * torch.tensor([640, 480, 640, 480], device=device)).max() < pixels_most


def test_prepared_segmenter_on_cuda_cuts_as_the_plain_one() -> None:
    device = torch.device("cuda", 0)
    exact: Any = random_sam("base").to(device)
    ours = copy.deepcopy(exact)
    decoding = sam.prepare(ours, device, torch.bfloat16)
    torch.manual_seed(1)
    pixels = torch.randn(1, 3, 1024, 1024, device=device)
    corners = 800 * torch.rand(1, 50, 2, device=device)
    boxes = torch.cat([corners, corners + 150], -1)
    with running(device, "test"):
        expected = exact(image_embeddings=exact.get_image_embeddings(pixels), input_boxes=boxes, multimask_output=False)
    for _ in range(4):
        with running(device, "test", torch.bfloat16):
            encoding = ours.get_image_embeddings(pixels).float()
        with running(device, "test", decoding):
            answer = ours(image_embeddings=encoding, input_boxes=boxes, multimask_output=False)
        first, second = expected.pred_masks > 0, answer.pred_masks > 0
        common, either = (first & second).flatten(2).sum(-1), (first | second).flatten(2).sum(-1)
        assert (common / either.clamp(min=1)).mean() >= 0.98
