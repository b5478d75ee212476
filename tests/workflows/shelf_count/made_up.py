"""A made-up run: shelves put together from rendered things, and a store in memory of the methods of `RunStore`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from agent_tools.shelves.products import Expected, Product, ProductList
from agent_tools.shelves.results import Correction, Finding, ProductCount, ShelfCount, ShelfObject, ShelfRow
from workflows.shelf_count.results_kept import PictureResult, ShelfPicture

PRODUCTS = (
    Product("4011", ("orange",), "Oranges", expected=(Expected(6, 6, row=1), Expected(5, 8, row=2))),
    Product("4017", ("pear",), "Pears", expected=(Expected(4, None, row=3),)),
    Product("0042", ("tomato",), "Beef tomatoes", expected=(Expected(5, 5, row=3),)),
)
NOUNS = {"4011": "orange", "4017": "pear", "0042": "tomato"}


class StoreInMemory:
    """What tables, report and review use of a run."""

    def __init__(self, results: Sequence[PictureResult], products: Sequence[Product] = PRODUCTS) -> None:
        self.products = ProductList("Fruit and vegetables", tuple(products))
        self.models = {"preset": "demo", "detector": "demo", "segmenter": "demo"}
        self._results = {each.picture.address: each for each in results}

    def results(self) -> Iterator[PictureResult]:
        yield from list(self._results.values())

    def result(self, address: str) -> PictureResult:
        return self._results[address]

    def correct(self, address: str, correction: Correction | None) -> None:
        self._results[address] = replace(self._results[address], correction=correction)

    def close(self) -> None:
        pass

    def __enter__(self) -> StoreInMemory:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@cache
def cut_outs() -> dict[str, tuple[tuple[Any, Any], ...]]:
    """sku → (h, w, 3) pixels and (h, w) mask of some rendered things of it."""
    from workflows.demo_models.scenes import render_scene

    found: dict[str, list[tuple[Any, Any]]] = {sku: [] for sku in NOUNS}
    for seed in (1, 11, 65):  # scenes that have them whole and large
        scene = render_scene(seed)
        for thing in scene.objects:
            x0, y0, x1, y1 = (int(side) for side in thing.box)
            for sku, noun in NOUNS.items():
                if thing.noun == noun and thing.visible > 0.97 and y1 - y0 > 30 and len(found[sku]) < 4:
                    found[sku].append((scene.image[y0:y1, x0:x1], thing.mask[y0:y1, x0:x1]))
    return {sku: tuple(each) for sku, each in found.items()}


def shelf_picture(rng: np.random.Generator, rows: Sequence[Sequence[str | None]], size: tuple[int, int]):
    """A shelf, (H, W, 3) uint8, and what stands on it: (sku or None for an empty place, row, box)."""
    width, height = size
    wall = np.linspace(206, 178, height)[:, None, None] + np.array([6, 0, -10])
    image = np.broadcast_to(wall, (height, width, 3)).clip(0, 255).astype(np.uint8).copy()
    image = (image + rng.normal(0, 2.5, image.shape)).clip(0, 255).astype(np.uint8)
    pitch, things = height / len(rows), []
    for number, skus in enumerate(rows, start=1):
        floor = round(number * pitch - 0.09 * pitch)
        image[floor : floor + round(0.08 * pitch)] = (120, 86, 58)
        image[floor : floor + 3] = (160, 122, 88)
        place = width / len(skus)
        for column, sku in enumerate(skus):
            middle, tall = (column + 0.5) * place, 0.6 * pitch
            if sku is None:
                things.append((None, number, (middle - 0.4 * place, floor - tall, middle + 0.4 * place, float(floor))))
                continue
            pixels, mask = cut_outs()[sku][rng.integers(len(cut_outs()[sku]))]
            tall *= (1.15 if sku == "4017" else 0.92) * rng.uniform(0.94, 1.04)
            scale = min(tall / pixels.shape[0], 0.96 * place / pixels.shape[1])
            shape = (max(4, round(pixels.shape[1] * scale)), max(4, round(pixels.shape[0] * scale)))
            cut, alpha = cv2.resize(pixels, shape), cv2.resize(mask.astype(np.float32), shape)[..., None]
            left = int(np.clip(round(middle - shape[0] / 2 + rng.uniform(-3, 3)), 0, width - shape[0]))
            part = image[floor - shape[1] : floor, left : left + shape[0]]
            part[:] = (part * (1 - alpha) + cut * alpha).astype(np.uint8)
            things.append((sku, number, (float(left), float(floor - shape[1]), float(left + shape[0]), float(floor))))
    return image, things


def counts_of(objects: Sequence[ShelfObject], products: Sequence[Product] = PRODUCTS) -> tuple[ProductCount, ...]:
    """Counts of objects in the form of `count_shelf`; doubtful where there are near misses."""
    counts = []
    for product in products:
        mine = [each for each in objects if each.sku == product.sku]
        rows = {each.row for each in mine} | {each.row for each in product.expected if each.row}
        for row in (0, *sorted(rows)):
            here = [each for each in mine if row in (0, each.row)]
            n, near = sum(each.counted for each in here), sum(not each.counted for each in here)
            sure = float(np.prod([each.chance if each.counted else 1 - each.chance for each in here]))
            why = ("two things may be one more each",) if near > 1 else ("one thing may be one more",)
            doubt = (why if near else ()) + (("some are hard to make out",) if sure < 0.5 else ())
            counts.append(ProductCount(product.sku, row, n, n, n + near, round(sure, 3), False, bool(doubt), doubt))
    return tuple(counts)


def findings_of(objects: Sequence[ShelfObject], gaps: Sequence[Any]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for product in PRODUCTS:
        for each in product.expected:
            n = sum(one.counted and one.row == each.row and one.sku == product.sku for one in objects)
            kind = "missing" if n < each.low else "surplus" if each.high is not None and n > each.high else None
            if kind:
                found.append(Finding(kind, product.sku, each.row or 0, (each.low, each.high), n, 0.91))
    found += [Finding("gap", "", row, None, 0, 0.84, box) for row, box in gaps]
    return tuple(found)


def shelf_count(rng: np.random.Generator, things: Sequence[Any], size: tuple[int, int]) -> ShelfCount:
    width, height = size
    pitch = height / 3
    rows = tuple(
        ShelfRow(n, ((0, (n - 1) * pitch), (width, (n - 1) * pitch), (width, n * pitch), (0, n * pitch)))
        for n in (1, 2, 3)
    )
    objects = []
    for sku, row, box in things:
        if sku is not None:
            chance = float(rng.choice([0.995, 0.995, 0.99, 0.97, 0.9, 0.35], p=[0.39, 0.3, 0.2, 0.05, 0.02, 0.04]))
            objects.append(ShelfObject(sku, row, box, chance, chance, chance > 0.5))
    gaps = [(row, box) for sku, row, box in things if sku is None]
    return ShelfCount(width, height, rows, tuple(objects), counts_of(objects), findings_of(objects, gaps))


def planned_rows(rng: np.random.Generator) -> list[list[str | None]]:
    """The planogram, now and then with something missing, too much, or elsewhere."""
    rows: list[list[str | None]] = [["4011"] * 6, ["4011"] * 6, ["0042"] * 5 + ["4017"] * 4]
    for row in rows:
        for column in range(len(row)):
            luck = rng.random()
            if luck < 0.03:
                row[column] = None
            elif luck < 0.05:
                row[column] = str(rng.choice(list(NOUNS)))
    return rows


def made_up_run(folder: Path, pictures: int, seed: int = 7, size: tuple[int, int] = (480, 360)) -> StoreInMemory:
    """A run of rendered shelves in two shops; some files cannot be read, one is there twice."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for place in range(pictures):
        store, shelf = ("Bern", "Genève")[place % 2], f"fruit {1 + place // 2 % 3}"
        path = folder / f"{store.lower()}-{place + 1:03}.jpg"
        picture = ShelfPicture(str(path), store, shelf, f"2026-11-{1 + place % 20:02} 08:{place % 60:02}")
        if place % 9 == 8:
            path.write_bytes(b"")
            results.append(PictureResult(picture, error="the file is empty: expected a picture. Take it again."))
            continue
        image, things = shelf_picture(rng, planned_rows(rng), size)
        cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 92])
        results.append(PictureResult(picture, shelf_count(rng, things, size)))
    return StoreInMemory(results)
