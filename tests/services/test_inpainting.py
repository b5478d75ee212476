"""Inpainters: what their names mean, LaMa's file run for real on a small model of the same form, and what is refused.

LaMa's own weights are not here, nor is diffusers: a network of two layers stands for the first, and of the second only
the error is tested.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from agent_tools.editing import apply
from agent_tools.errors import ConfigError, ServiceError
from agent_tools.inpainting import Inpainter
from agent_tools.masks import Mask
from agent_tools.services.factories import build_inpainter
from agent_tools.services.inpainting.smearing import OpenCv


def save_lama(path: Path, channels: int = 3, mask_name: str = "mask") -> str:
    """A network of LaMa's form: what is seen, with red (200, 0, 0) where the mask is."""
    side = 512
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])
    mask = helper.make_tensor_value_info(mask_name, TensorProto.FLOAT, [1, 1, side, side])
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, channels, side, side])
    scale = helper.make_tensor("scale", TensorProto.FLOAT, [channels, 3, 1, 1], (255 * np.eye(3))[:channels].ravel())
    red = helper.make_tensor("red", TensorProto.FLOAT, [channels, 1, 1, 1], [200.0, 0.0, 0.0][:channels])
    nodes = [
        helper.make_node("Conv", ["image", "scale"], ["seen"]),
        helper.make_node("Conv", [mask_name, "red"], ["made"]),
        helper.make_node("Add", ["seen", "made"], ["output"]),
    ]
    graph = helper.make_graph(nodes, "lama", [image, mask], [output], [scale, red])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return f"lama:{path}"


def picture(height: int, width: int) -> tuple[Any, Any]:
    """A gradient with a white thing in it, and where that is."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(20, 120, height)[:, None]
    pixels[..., 1] = np.linspace(60, 200, width)
    pixels[..., 2] = 90
    hole = np.zeros((height, width), bool)
    hole[height // 3 : height // 2, width // 3 : width // 2] = True
    pixels[hole] = 255
    return pixels, hole


@pytest.mark.parametrize("size", [(200, 320), (512, 512), (900, 700)])
def test_lama_fills_the_hole_where_it_is_and_sees_the_rest(size: tuple[int, int], tmp_path: Path) -> None:
    lama = build_inpainter(save_lama(tmp_path / "lama.onnx"))
    assert isinstance(lama, Inpainter)
    pixels, hole = picture(*size)
    made = lama.fill(pixels, hole)
    assert (made.shape, made.dtype) == (pixels.shape, np.uint8)
    rows, columns = np.nonzero(hole)
    inner = hole.copy()
    inner[: rows[0] + 3] = inner[rows[-1] - 2 :] = inner[:, : columns[0] + 3] = inner[:, columns[-1] - 2 :] = False
    assert np.abs(made[inner].astype(int) - (200, 0, 0)).max() <= 14, "nothing of what was there is seen"
    away = np.ones_like(hole)
    away[rows[0] - 6 : rows[-1] + 7, columns[0] - 6 : columns[-1] + 7] = False
    assert np.abs(made[away].astype(int) - pixels[away]).max() <= 6, "in its place, at its size"


def test_removal_with_lama_takes_the_hole_alone(tmp_path: Path) -> None:
    lama = build_inpainter(save_lama(tmp_path / "lama.onnx"))
    pixels, hole = picture(300, 400)
    after = apply(pixels, "remove", [Mask.from_array(hole)], feather=0, inpainter=lama)
    assert np.array_equal(after[~hole], pixels[~hole])
    assert np.abs(after[hole].astype(int) - (200, 0, 0)).mean() < 4


@pytest.mark.parametrize("kind", ["missing", "broken", "another output", "another input"])
def test_lama_file_that_will_not_do_says_so(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "lama.onnx"
    pixels, hole = picture(60, 80)
    if kind in ("missing", "broken"):
        if kind == "broken":
            file.write_bytes(b"not a model")
        with pytest.raises(ConfigError, match=r"^inpainter=lama:.*(no such file|cannot be loaded).*expected"):
            build_inpainter(f"lama:{file}")
        return
    name = save_lama(file, *((1,) if kind == "another output" else (3, "holes")))
    lama = build_inpainter(name)
    assert lama is not None
    with pytest.raises(ServiceError, match=r"^inpainter=lama:.*(failed|gave)"):
        lama.fill(pixels, hole)


@pytest.mark.parametrize("side", [60, 700])
def test_opencv_fills_from_the_edges_with_the_grain_of_the_picture(side: int) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.normal(128, 6, (side, side, 3)).clip(0, 255).astype(np.uint8)
    hole = np.zeros((side, side), bool)
    hole[side // 4 : -side // 4, side // 4 : -side // 4] = True
    pixels[hole] = 255
    filler = build_inpainter("opencv")
    assert isinstance(filler, OpenCv)
    made = filler.fill(pixels, hole).astype(float)
    assert np.abs(made[hole].mean() - 128) < 8
    assert 3 < made[hole].std() < 10, "no fog"


@pytest.mark.parametrize("name", [None, "patches"])
def test_no_inpainter_is_patches(name: str | None) -> None:
    assert build_inpainter(name) is None


@pytest.mark.skipif(importlib.util.find_spec("diffusers") is not None, reason="diffusers is installed")
def test_diffusion_without_diffusers_says_what_to_install() -> None:
    with pytest.raises(
        ConfigError, match=r"^inpainter=diffusers:a/b needs a package .*pip install 'askmask\[inpaint\]'"
    ):
        build_inpainter("diffusers:a/b")


def test_inpainter_of_ones_own_is_taken_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "class Grey:\n"
        "    def fill(self, pixels, hole):\n"
        "        return pixels * 0 + 128\n"
        "def wrong():\n"
        "    return object()\n"
        "def failing():\n"
        "    raise RuntimeError('no weights')\n"
    )
    pixels, hole = picture(100, 120)
    after = apply(pixels, "remove", [Mask.from_array(hole)], inpainter=build_inpainter(f"{file}:Grey"))
    assert (after[hole] == 128).all()
    for name, said in (("wrong", r"gave a object: expected an object with fill"), ("failing", "failed when called")):
        with pytest.raises(ConfigError, match=rf"^inpainter=.*{said}"):
            build_inpainter(f"{file}:{name}")


@pytest.mark.parametrize("name", ["nothing", "owner/name", "lama", "a b"])
def test_name_of_no_inpainter_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^inpainter="):
        build_inpainter(name)
