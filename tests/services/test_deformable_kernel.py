"""The Triton kernel without a GPU: its numbers in Triton's interpreter, and that it compiles for one."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from types import ModuleType

import pytest
import torch

from agent_tools.services import deformable_attention

SHAPES = ((7, 9), (4, 5), (1, 1))
needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")


def kernel_module() -> ModuleType:
    """A copy of the kernel's module, made while the test's environment holds."""
    path = Path(deformable_attention.__file__).with_name("deformable_kernel.py")
    spec = importlib.util.spec_from_file_location("deformable_kernel_of_test", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@needs_triton
@pytest.mark.parametrize(("batch", "queries", "depth", "reach"), [(1, 40, 16, 1), (2, 5, 24, 5), (1, 3, 32, 1000)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_kernel_interpreted_sums_what_the_pytorch_path_does(
    monkeypatch: pytest.MonkeyPatch, batch: int, queries: int, depth: int, reach: float, dtype: torch.dtype
) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    torch.manual_seed(0)
    value = torch.randn(batch, sum(height * width for height, width in SHAPES), 2, depth).to(dtype)
    x, y = reach * 5 * torch.rand(2, batch, queries, 2, len(SHAPES), 4) - reach
    weights = torch.randn(batch, queries, 2, len(SHAPES) * 4).softmax(-1).unflatten(-1, (len(SHAPES), 4))
    answer = kernel_module().sample(value, SHAPES, x, y, weights)
    expected = deformable_attention.choose_sampler(value, SHAPES)(x.clone(), y.clone(), weights)
    assert answer.dtype == dtype
    assert answer.shape == (batch, queries, 2 * depth)
    # Both sum in float32; the kernel's answer is rounded to the maps' type at the end.
    torch.testing.assert_close(answer.float(), expected, atol=2e-6, rtol=2 * torch.finfo(dtype).eps)


@needs_triton
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("kind", ["*fp32", "*bf16", "*fp16"])
def test_kernel_compiles_for_a_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capability: int, kind: str) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TRITON_DEFAULT_FP_FUSION", "1")
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    fixed = {"HEADS": 8, "DEPTH": 32, "LEVELS": 4, "POINTS": 4, "BLOCK": 32, "WIDE": 32}
    signature = {"value": kind, "layout": "*i32", "x_at": "*fp32", "y_at": "*fp32", "weight_at": "*fp32"}
    signature |= {"answer": kind, "queries": "i32", "pixels": "i32"} | dict.fromkeys(fixed, "constexpr")
    source = ASTSource(fn=kernel_module()._kernel, signature=signature, constexprs=fixed)
    built = triton.compile(source, target=GPUTarget("cuda", capability, 32))
    assert ".entry _kernel" in built.asm["ptx"]


def test_triton_kernel_that_cannot_run_is_left_out_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    deformable_attention.triton_kernel.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert deformable_attention.triton_kernel(torch.device("meta")) is None
        assert deformable_attention.triton_kernel(torch.device("meta")) is None
    assert len(caplog.records) == 1
    assert "without its Triton kernel, slower: " in caplog.text
    deformable_attention.triton_kernel.cache_clear()
