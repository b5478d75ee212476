"""Pictures of the page as people see it: wide, in the dark, on a phone, each with a conversation under way.

    python -m benchmarks.page_screenshots --out DIR

The real page on the bundled models, in headless Chromium; the pictures shown are rendered. Needs Chromium and
playwright.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.servers import running_server
from tests.browser import browser
from tests.workflows.web.visiting import Visitor, visitor
from workflows.web.examples import picture_of

WIDE = {"viewport": {"width": 1360, "height": 960}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def _empty(page: Visitor) -> None:
    page.page.wait_for_function("[...document.querySelectorAll('.examples img')].every((one) => one.naturalWidth)")


def _counted(page: Visitor) -> None:
    page.open(picture_of(0).original, "crate.png")
    page.ask("count the oranges")
    page.wait_for_marked(8)


def _corrected(page: Visitor) -> None:
    _counted(page)
    page.press("Take away")
    page.click_thing(7)
    page.wait_for_marked(7)
    page.press("Choose")
    page.ask("blur the rest")
    page.page.wait_for_selector(".edits li")
    page.ask("make the oranges green")
    page.page.wait_for_selector(".frame:not([aria-busy])")
    page.page.mouse.move(*page.middle(5))


def _added(page: Visitor) -> None:
    _counted(page)
    page.press("Add")
    frame = page.page.locator(".stage .drawing").bounding_box()
    page.page.mouse.click(frame["x"] + 0.5 * frame["width"], frame["y"] + 0.03 * frame["height"])
    page.wait_for_marked(9)
    page.page.locator(".masks button").first.wait_for()


SCENES: dict[str, tuple[Callable[[Visitor], None], dict[str, Any]]] = {
    "page-empty": (_empty, WIDE),
    "page": (_corrected, WIDE),
    "page-choices": (_added, WIDE),
    "page-dark": (_corrected, {**WIDE, "color_scheme": "dark"}),
    "page-phone": (_counted, PHONE),
    "page-phone-empty": (_empty, PHONE),
}


def take(out: Path, only: str | None = None) -> list[Path]:
    """Take the pictures; where they are."""
    out.mkdir(parents=True, exist_ok=True)
    taken = []
    with (
        tempfile.TemporaryDirectory(prefix="askmask-") as folder,
        running_server("web", "--no-browser", "--models", "demo", ASKMASK_DATA_DIR=folder) as (address, _),
        browser() as chromium,
    ):
        for name, (act, options) in SCENES.items():
            if only is not None and name != only:
                continue
            with visitor(chromium, address, **options) as page:
                act(page)
                path = out / f"{name}.png"
                page.page.screenshot(path=str(path), full_page="phone" in name)
                taken.append(path)
    return taken


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=SCENES)
    options = parser.parse_args()
    for path in take(options.out, options.only):
        print(path)


if __name__ == "__main__":
    main()
