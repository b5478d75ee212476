"""From a click to the redrawn picture, in a browser on the real page: `askmask web`, bundled models, on loopback.

    python -m benchmarks.page_clicks [--clicks N] [--json]

A rendered crate is opened and its oranges counted; then a hand clicks. "take away" and "put back" change what is
marked; "another part" and "something new" ask the segmenter. Each is timed inside the page, from the pointer going up
to the frame that shows the answer: scripts, both ways of the network, tools, models, memory and drawing. Needs
Chromium and playwright.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from typing import Any

from benchmarks.servers import running_server
from tests.browser import browser
from workflows.web.examples import examples

_TIMER = """() => {
  window.clicked = [];
  addEventListener("pointerup", () => { window.went = performance.now(); }, true);
  addEventListener("askmask-drawn", () => requestAnimationFrame(() => {
    if (window.went) { window.clicked.push(performance.now() - window.went); window.went = null; }
  }), true);
}"""


def measure(clicks: int = 15) -> dict[str, Any]:
    """Median and worst milliseconds of each kind of click."""
    with (
        tempfile.TemporaryDirectory(prefix="askmask-") as folder,
        running_server("web", "--no-browser", "--models", "demo", ASKMASK_DATA_DIR=folder) as (address, _),
        browser() as chromium,
    ):
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(address)
        page.get_by_role("button", name=examples()[0].request).click()
        page.wait_for_selector(".stage .frame:not(.blank)")
        page.locator("#askmask-words textarea").press("Enter")
        page.wait_for_selector(".stage .thing")
        page.evaluate(_TIMER)
        seconds = _clicked(page, clicks)
        page.close()
    every = [each for kind in seconds.values() for each in kind]
    told = {
        kind: {"median_ms": round(statistics.median(some)), "worst_ms": round(max(some))}
        for kind, some in seconds.items()
    }
    return {"clicks": len(every), "median_ms": round(statistics.median(every)), "kinds": told}


def _clicked(page: Any, clicks: int) -> dict[str, list[float]]:
    """Milliseconds of each click, by kind."""
    frame = page.locator(".stage .drawing").bounding_box()
    taken: dict[str, list[float]] = {"take away": [], "put back": [], "another part": [], "something new": []}

    def drawn(act: Callable[[], None]) -> float:
        page.evaluate("window.clicked = []")
        act()
        page.wait_for_function("window.clicked.length > 0")
        return float(page.evaluate("window.clicked[0]"))

    def click(kind: str, x: float, y: float) -> None:
        taken[kind].append(drawn(lambda: page.mouse.click(x, y)))

    def middle(handle: str) -> tuple[float, float]:
        box = page.locator(f'.thing[data-handle="{handle}"] .tint').bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    for number in range(clicks):
        handle = f"m{number % 8 + 1}"
        x, y = middle(handle)
        page.locator("[data-mode=remove]").click()
        click("take away", x, y)
        page.locator("[data-mode=add]").click()
        click("put back", x, y)
        page.locator("[data-mode=choose]").click()
        page.mouse.click(x, y)
        page.locator("[data-mode=add]").click()
        click("another part", x + 9, y + (number % 5) * 3)
        page.locator("[data-mode=choose]").click()
        page.mouse.click(x, y)  # no longer chosen
        page.locator("[data-mode=add]").click()
        click("something new", frame["x"] + (0.06 + 0.9 * number / clicks) * frame["width"], frame["y"] + 12)
        drawn(page.locator("[data-do=undo]").click)
    return taken


def main() -> None:
    """Print what `measure` finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=15, help="of each kind")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.clicks)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{found['clicks']} clicks, median {found['median_ms']} ms")
    for kind, told in found["kinds"].items():
        print(f"{kind:14} median {told['median_ms']:5} ms, worst {told['worst_ms']:5} ms")


if __name__ == "__main__":
    main()
