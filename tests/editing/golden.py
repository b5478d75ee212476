"""A drawn scene and every edit of it, as pictures beside this file.

    python -m tests.editing.golden

draws them anew; look at them before you commit them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from agent_tools.editing import STRENGTHS, apply
from agent_tools.masks import Mask
from agent_tools.pictures import Picture

FOLDER = Path(__file__).parent / "golden"
HEIGHT, WIDTH = 96, 128
TOLD: dict[str, dict[str, Any]] = {
    "recolour": {"colour": "#2050d0"},
    "replace_background": {"background": "p2"},
    "outline": {"colour": "#ffffff", "strength": 1.0},
    "move": {"dx": 46, "dy": 14},
    "duplicate": {"dx": 46, "dy": 14},
}


def scene() -> tuple[Any, list[Mask]]:
    """A lit red ball with a glint and a label, before planks; and where it is."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(float)
    planks = 120 + 18 * np.sin(rows / 3 + np.sin(columns / 17)) - 40 * (columns % 32 < 2)
    pixels = np.stack([planks, planks * 0.82, planks * 0.6], -1)
    away = np.hypot(rows - 46, columns - 44)
    lit = np.clip(1.1 - np.hypot(rows - 36, columns - 34) / 48, 0.2, 1)[..., None]
    ball = lit * (215, 45, 40) + 255 * np.clip(1 - np.hypot(rows - 34, columns - 32) / 5, 0, 1)[..., None]
    ball[44:54, 38:54] = (235, 235, 230)
    share = np.clip(26.5 - away, 0, 1)[..., None]
    pixels = pixels * (1 - share) + ball * share
    return np.rint(pixels).clip(0, 255).astype(np.uint8), [Mask.from_array(away <= 27)]


def other() -> Picture:
    """A sky to put behind it."""
    sky = np.linspace((90, 140, 220), (220, 230, 240), HEIGHT)[:, None].repeat(WIDTH * 2, 1)
    return Picture.from_array(np.rint(sky).astype(np.uint8))


def edit(action: str) -> Any:
    """The scene with one edit."""
    pixels, masks = scene()
    return apply(pixels, action, masks, pictures={"p2": other()}.__getitem__, **TOLD.get(action, {}))


def read(action: str) -> Any:
    """The picture of an edit, RGB or RGBA."""
    stored = cv2.imread(str(FOLDER / f"{action}.png"), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(stored, cv2.COLOR_BGRA2RGBA if stored.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def main() -> None:
    """Draw them anew."""
    FOLDER.mkdir(exist_ok=True)
    for action in STRENGTHS:
        made = edit(action)
        code = cv2.COLOR_RGBA2BGRA if made.shape[2] == 4 else cv2.COLOR_RGB2BGR
        cv2.imwrite(str(FOLDER / f"{action}.png"), cv2.cvtColor(made, code), [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
