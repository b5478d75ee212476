"""Every edit of a drawn scene looks as it did when somebody last looked at it."""

from __future__ import annotations

import numpy as np
import pytest

from agent_tools.editing import STRENGTHS
from tests.editing import golden


@pytest.mark.parametrize("action", STRENGTHS)
def test_edit_looks_as_it_did(action: str) -> None:
    made, seen = golden.edit(action).astype(int), golden.read(action).astype(int)
    assert made.shape == seen.shape
    off = np.abs(made - seen)
    # What is searched for may be found elsewhere where sums come out a bit otherwise.
    filled = action in ("remove", "move")
    assert off.mean() <= (1.0 if filled else 0.05)
    assert filled or off.max() <= 3
    assert np.abs(seen[..., :3] - golden.scene()[0].astype(int)).mean() > 0.5, "it shows the edit"


def test_every_picture_belongs_to_an_edit() -> None:
    assert {file.stem for file in golden.FOLDER.glob("*.png")} == set(STRENGTHS)
