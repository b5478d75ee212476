"""The comparison with the authors' packages: what is the same passes, what is not is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, SegmentRequest
from agent_tools.services.sam import Sam
from benchmarks.parity.__main__ import _dense, _tied, compare_sam, difference
from tests.services.conftest import picture
from tests.services.original_layouts import SAM_TINY, sam_shapes, weights

ASKED: dict[str, Any] = {"prompts": {"box": {"box": [10.0, 10.0, 60.0, 50.0]}}}


def answered(checkpoint: Path, shown: Picture) -> dict[str, Any]:
    """Answers in the form of `originals.py`, from our own model."""
    made = weights(sam_shapes(SAM_TINY))
    for name in made:
        if name.startswith("mask_decoder.output_hypernetworks_mlps.0.layers.2."):
            made[name] *= -1  # as drawn, the mask would be empty
    torch.save(made, checkpoint)
    sam = Sam(checkpoint, "cpu")
    prompt = Prompt(box=np.array(ASKED["prompts"]["box"]["box"], np.float32))
    (view,) = sam._views(shown, [None])
    encodings = {view: sam._encode([(shown, view)])[shown.digest, view]}
    logits, ious = sam._decode(encodings, [prompt], [view])
    ((answer,),) = sam.segment([SegmentRequest(shown, [prompt])])
    masks = torch.from_numpy(np.stack([mask.to_array() for mask in answer.masks]))
    said = {"logits": torch.from_numpy(logits[0]), "ious": torch.from_numpy(ious[0]), "masks": masks}
    return {"embedding": encodings[view], "box": said}


@pytest.mark.parametrize(
    ("spoiled", "found"),
    [
        (None, set()),
        ("embedding", {"encoding"}),
        ("logits", {"box: logits"}),
        ("ious", {"box: predicted IoU"}),
        ("masks", {"box: masks, IoU"}),
    ],
)
def test_compare_sam_difference_is_found_where_it_is(tmp_path: Path, spoiled: str | None, found: set[str]) -> None:
    shown, checkpoint = picture(80, 60), tmp_path / "sam_vit_b.pth"
    theirs = answered(checkpoint, shown)
    if spoiled == "masks":
        theirs["box"]["masks"][:, :30] ^= True
    elif spoiled:
        part = theirs if spoiled == "embedding" else theirs["box"]
        part[spoiled] = part[spoiled] * 1.001
    torch.save(theirs, tmp_path / "sam_vit_b.answers.pth")
    findings = compare_sam(checkpoint, shown, ASKED)
    assert {finding.what for finding in findings if not finding.within} == found
    assert "mask-generation: masks, IoU" in {finding.what for finding in findings}


def test_difference_of_other_shapes_is_not_within() -> None:
    assert not difference("x", torch.ones(2), torch.ones(3)).within


def test_dense_run_lengths_go_down_the_columns() -> None:
    expected = np.array([[0, 1, 0], [0, 1, 1]], bool)
    np.testing.assert_array_equal(_dense({"size": [2, 3], "counts": [2, 2, 1, 1]}), expected)


def test_tied_proposals_are_those_with_a_neighbour_of_nearly_their_score() -> None:
    scores = torch.tensor([1.0, 9.0, 7.0, 7.00001, 3.0, 2.99999])
    assert _tied(scores, 4).tolist() == [False, True, True, True]
