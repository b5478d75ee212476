"""How each thing of the demo vocabulary looks: one function a noun, each returning a `Surface`.

Every function takes the length in pixels, the turn in radians, the main colour (3,) in 0..1 and a
random generator, and draws one specimen: no two lemons are alike. Knows nothing of scenes, light
or labels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workflows.demo_models.surfaces import Array, Surface
from workflows.demo_models.things import books, citrus, fruit, groceries, kitchen, office, roots, vegetables
from workflows.demo_models.things.books import book

Draw = Callable[[float, float, Array, np.random.Generator], Surface]

DRAW: dict[str, Draw] = {
    "orange": citrus.orange,
    "lemon": citrus.lemon,
    "lime": citrus.lime,
    "plum": fruit.plum,
    "peach": fruit.peach,
    "banana": fruit.banana,
    "pear": fruit.pear,
    "apple": fruit.apple,
    "strawberry": fruit.strawberry,
    "avocado": fruit.avocado,
    "kiwi": fruit.kiwi,
    "tomato": vegetables.tomato,
    "carrot": roots.carrot,
    "potato": roots.potato,
    "cucumber": vegetables.cucumber,
    "eggplant": vegetables.eggplant,
    "pepper": vegetables.pepper,
    "onion": roots.onion,
    "can": groceries.can,
    "bottle": groceries.bottle,
    "box": groceries.box,
    "jar": groceries.jar,
    "bag": groceries.bag,
    "egg": groceries.egg,
    "mug": kitchen.mug,
    "bowl": kitchen.bowl,
    "plate": kitchen.plate,
    "spoon": kitchen.spoon,
    "fork": kitchen.fork,
    "book": books.book,
    "pen": office.pen,
    "scissors": office.scissors,
    "phone": office.phone,
    "envelope": office.envelope,
    "ball": office.ball,
}

__all__ = ["DRAW", "Draw", "book"]
