"""What holds things: crates, trays, baskets, bowls, shelf boards. Each has a back, drawn first, and a front.

Knows how to build them on a stage; what goes into them is the layout's affair.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from workflows.demo_models.backdrops import noise, tone
from workflows.demo_models.clutter import loud, moulded, written
from workflows.demo_models.composition import Item, Shadow, Stage
from workflows.demo_models.kinds import shades
from workflows.demo_models.specimens import Posed, Prototype
from workflows.demo_models.surfaces import Array


@dataclass(frozen=True)
class Region:
    """A rectangle of the canvas, pixels.

    Attributes:
        left: Its left edge.
        top: Its top edge.
        right: Its right edge.
        bottom: Its bottom edge.
        round: Things go in an ellipse, not in the corners.
    """

    left: float
    top: float
    right: float
    bottom: float
    round: bool = False

    @property
    def width(self) -> float:
        """Pixels across."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels down."""
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Front:
    """A part of a container that goes in front of what is in it.

    Attributes:
        part: What it looks like.
        region: Where it goes.
        owner: The item whose front it is, where people would count that.
    """

    part: Prototype
    region: Region
    owner: Item | None = None


def block(width: float, height: float, colour: Array) -> tuple[Array, Array]:
    """Colour (h, w, 3) and full coverage (h, w) of a rectangle."""
    shape = max(2, round(height)), max(2, round(width))
    return np.ones((*shape, 3), np.float32) * colour, np.ones(shape, np.float32)


def lay(stage: Stage, part: Prototype, region: Region, shadow: Shadow | None = None, dimmed: float = 1.0) -> Item:
    """Places a drawn part over a region."""
    return stage.lay(Posed(part, (1.0, 1.0), 0.0), region.middle, None, shadow, dimmed)


def _boards(rng: np.random.Generator, width: float, height: float, colour: Array, number: int) -> Prototype:
    """Boards one above the other with gaps that show the dark inside."""
    paint, alpha = block(width, height, colour)
    h, w = alpha.shape
    paint *= (1.0 + 0.09 * noise(rng, w, h, 2, h / 2) + 0.04 * noise(rng, w, h, w / 12, 2))[..., None]
    pitch = h / number
    for gap in range(1, number):
        y = int(gap * pitch)
        alpha[y : y + max(1, int(0.14 * pitch))] = 0.0
    return moulded(alpha, np.clip(paint, 0, 1), 0.15, 0.05)


def crate(stage: Stage, region: Region) -> tuple[Region, list[Front]]:
    """A crate, a carton without a lid or a tray, seen from the front and above.

    Returns:
        The room inside, and the parts that go in front of what is put in.
    """
    rng = stage.rng
    style = rng.random()
    wooden = np.array([0.78, 0.6, 0.4], np.float32) * np.float32(rng.uniform(0.6, 1.15))
    plastic = np.array([[0.1, 0.4, 0.2], [0.1, 0.2, 0.55], [0.08, 0.08, 0.09]][int(rng.integers(3))], np.float32)
    colour = np.clip(wooden, 0, 0.97) if style < 0.65 else plastic
    wall = region.height * rng.uniform(0.06, 0.12)
    front = region.height * rng.uniform(0.1, 0.26)
    back_paint, back = block(region.width, region.height, colour * 0.55)
    depth = np.linspace(0.75, 1.1, back.shape[0], dtype=np.float32)[:, None, None]
    lay(stage, moulded(back, back_paint * depth, 0.0, 0.02), region, Shadow(0.05))
    rim = Region(region.left, region.top, region.right, region.top + wall)
    lay(stage, _boards(rng, rim.width, wall, colour, 1), rim, Shadow(0.1))
    parts = []
    for left in (region.left, region.right - wall * 0.6):
        side = Region(left, region.top, left + wall * 0.6, region.bottom)
        parts.append(Front(_boards(rng, side.width, side.height, colour * 0.85, 1), side))
    face = Region(region.left, region.bottom - front, region.right, region.bottom)
    parts.append(Front(_boards(rng, face.width, front, colour, int(rng.integers(1, 4))), face))
    inside = Region(
        region.left + 0.8 * wall, region.top + 0.7 * wall, region.right - 0.8 * wall, region.bottom - 0.55 * front
    )
    return inside, parts


def basket(stage: Stage, region: Region) -> tuple[Region, list[Front]]:
    """A round woven basket."""
    rng = stage.rng
    colour = np.array([0.66, 0.46, 0.26], np.float32) * np.float32(rng.uniform(0.55, 1.3))
    shape = round(region.height), round(region.width)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    pitch = max(3.0, 0.045 * region.width)
    weave = 0.8 + 0.35 * np.sin(x / pitch * 6.28) * np.sign(np.sin(y / pitch * 6.28))
    paint = np.clip(colour * weave[..., None], 0, 1).astype(np.float32)
    return _vessel(stage, region, paint, None)


def bowl(stage: Stage, region: Region) -> tuple[Region, list[Front]]:
    """A bowl, which people would count too."""
    rng = stage.rng
    colour = str(rng.choice(["white", "blue", "red", "green", "brown", "yellow", "gray", "black", "orange", "pink"]))
    shape = round(region.height), round(region.width)
    paint = np.ones((*shape, 3), np.float32) * shades(("bowl", colour)).rgb(rng.uniform(0, 1, 3))
    return _vessel(stage, region, paint, ("bowl", colour))


def _vessel(stage: Stage, region: Region, paint: Array, kind: tuple[str, str] | None) -> tuple[Region, list[Front]]:
    rng = stage.rng
    h, w = paint.shape[:2]
    mouth = rng.uniform(0.2, 0.34) * h
    foot = rng.uniform(0.35, 0.6)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    across = (x - w / 2) / (w / 2)
    rim = mouth * (1.0 + np.sqrt(np.clip(1.0 - across**2, 0, 1)))
    top = mouth * (1.0 - np.sqrt(np.clip(1.0 - across**2, 0, 1)))
    fall = np.clip((y - mouth) / (h - mouth), 0, 1)
    half = 1.0 - (1.0 - foot) * fall ** rng.uniform(1.2, 2.6)
    base = h - 0.3 * mouth * (1.0 - np.sqrt(np.clip(1.0 - (across / np.maximum(half, 0.05)) ** 2, 0, 1)))
    body = np.clip((half - np.abs(across)) * w / 2, 0, 1) * np.clip(base - y, 0, 1)
    whole = (np.clip(y - top, 0, 1) * np.maximum(body, np.clip(rim - y, 0, 1) * (np.abs(across) < 1))).astype(
        np.float32
    )
    wall = (body * np.clip(y - rim + 0.06 * h, 0, 1)).astype(np.float32)
    inner = np.clip(1.0 - (y - rim) / 3, 0, 1) * 0.4
    shaded = (paint * (1.0 - inner)[..., None]).astype(np.float32)
    item = lay(stage, moulded(whole, shaded, 0.0, 0.15), region, Shadow(0.08))
    item.kind = kind
    slope = np.clip(across / np.maximum(half, 0.05), -1, 1)
    front = moulded(wall, paint, 0.0, 0.25)
    front.form[..., 0], front.form[..., 2] = slope, np.sqrt(np.clip(1.0 - slope**2, 0.05, 1))
    inside = Region(
        region.left + 0.06 * w, region.top - 0.25 * mouth, region.right - 0.06 * w, region.top + 1.75 * mouth, True
    )
    return inside, [Front(front, region, item if kind else None)]


def close(stage: Stage, parts: list[Front]) -> None:
    """Puts a container's front parts before what is in it."""
    for front in parts:
        lay(stage, front.part, front.region, Shadow(0.03)).part_of = front.owner


def shelf(stage: Stage, top: float, thick: float, colour: Array) -> None:
    """A board right across, with a price strip now and then."""
    rng = stage.rng
    paint, alpha = block(stage.width, thick, colour)
    h, w = alpha.shape
    paint *= (1.0 + 0.06 * noise(rng, w, h, w / 40, 2))[..., None]
    paint[: max(1, h // 3)] *= 1.2
    if h > 7 and rng.random() < 0.5:
        strip = tone(rng, 0.6, 0.97)
        paint[h // 3 :] = strip
        for x in np.arange(rng.uniform(0, 40), w, rng.uniform(30, 90)).astype(int).tolist():
            cv2.rectangle(paint, (x, h // 3 + 1), (x + 2 * h, h - 2), loud(rng).tolist(), -1)
            digits = written(f"{rng.integers(1, 99)}", (x + 2, h - 3), 0.5 * h, (h, w))
            paint *= 1.0 - 0.9 * digits[..., None]
    region = Region(0, top, stage.width, top + thick)
    lay(stage, moulded(alpha, np.clip(paint, 0, 1), 0.0, 0.05), region, Shadow(0.15))
