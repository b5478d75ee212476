"""The services on a CUDA device say what they say on a CPU; run where there is one."""

from pathlib import Path

import numpy as np
import pytest
import torch

from agent_tools.masks import mask_iou
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, SegmentRequest
from agent_tools.services.presets import load_services
from workflows.demo_models.scenes import EVALUATION_SEEDS, render_scene

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]


def test_detector_on_cuda_finds_what_it_finds_on_the_cpu() -> None:
    picture = Picture.from_array(render_scene(EVALUATION_SEEDS + 4, 640, 480).image)
    phrases = [["orange", "tomato", "pear", "black ball"]]
    near, far = (load_services("demo", device).detector.detect([picture], phrases)[0] for device in ("cpu", "cuda:0"))
    threshold = load_services("demo", "cpu").detector.threshold
    assert abs(int((near.scores >= threshold).sum()) - int((far.scores >= threshold).sum())) <= 1


def test_segmenter_on_cuda_cuts_what_it_cuts_on_the_cpu(tmp_path: Path) -> None:
    scene = render_scene(EVALUATION_SEEDS + 4, 640, 480)
    picture = Picture.from_array(scene.image)
    prompts = [Prompt(box=thing.box) for thing in scene.objects]
    near, far = (
        load_services("demo", device).segmenter.segment([SegmentRequest(picture, prompts)])[0]
        for device in ("cpu", "cuda:0")
    )
    agreement = [mask_iou([a.masks[0]], [b.masks[0]])[0, 0] for a, b in zip(near, far, strict=True)]
    assert np.mean(agreement) > 0.97
