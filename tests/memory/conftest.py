from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from agent_tools.masks import Mask
from agent_tools.memory import Memory, Turn
from agent_tools.pictures import Picture

SIDE = 8


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "askmask"


@pytest.fixture
def memory(folder: Path) -> Iterator[Memory]:
    with Memory(folder) as opened:
        yield opened


def make_picture(shade: int) -> Picture:
    return Picture.from_array(np.full((SIDE, SIDE, 3), shade, np.uint8), f"shade-{shade}.png")


@pytest.fixture
def picture() -> Callable[[int], Picture]:
    return make_picture


def make_mask(seed: int) -> Mask:
    return Mask.from_array(np.random.default_rng(seed).random((SIDE, SIDE)) < 0.5)


@pytest.fixture
def mask() -> Callable[[int], Mask]:
    return make_mask


@pytest.fixture
def add() -> Callable[..., str]:
    """Adds an object of a label to the current picture, opening one where there is none."""

    def adding(turn: Turn, label: str = "orange", seed: int = 0) -> str:
        if turn.state.picture is None:
            turn.open_picture(make_picture(100))
        assert turn.state.picture is not None
        return turn.add_object(picture=turn.state.picture, label=label, score=0.5, mask=make_mask(seed), model="test")

    return adding
