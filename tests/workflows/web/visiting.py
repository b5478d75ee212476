"""A visitor of the page, as a person uses it: drop, type, click, wait for what is drawn."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.browser import page_of

WAIT = 60_000
"""Milliseconds that a busy machine may take."""
_DROP = """([data, name, type]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  for (const kind of ["dragover", "drop"]) {
    document.querySelector(".stage .frame").dispatchEvent(
      new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


@dataclass
class Visitor:
    """One visitor; `page` is playwright's."""

    page: Any

    def drop(self, data: bytes, name: str = "crate.png") -> None:
        """Drop a file on the page."""
        self.page.evaluate(_DROP, [base64.b64encode(data).decode(), name, "image/png"])

    def open(self, data: bytes, name: str = "crate.png") -> None:
        """Drop a picture, and wait until it is there."""
        self.drop(data, name)
        self.page.wait_for_selector(".stage .frame:not(.blank)", timeout=WAIT)

    def ask(self, words: str) -> str:
        """Type a sentence and send it; the answer."""
        before = len(self.answers())
        field = self.page.locator("#askmask-words textarea")
        field.fill(words)
        field.press("Enter")
        self.page.wait_for_function(
            "(before) => document.querySelectorAll('#askmask-talk .message.bot').length > before"
            " && !document.querySelector('#askmask-stop')?.checkVisibility()",
            arg=before,
            timeout=WAIT,
        )
        return self.answers()[-1]

    def answers(self) -> list[str]:
        """What was answered so far."""
        return self.page.locator("#askmask-talk .message.bot").all_inner_texts()

    def press(self, name: str) -> None:
        """Press a button of the stage."""
        self.page.locator(".stage").get_by_role("button", name=name, exact=True).first.click()

    def click_thing(self, number: int) -> None:
        """Click in the middle of a thing."""
        self.page.mouse.click(*self.middle(number))

    def middle(self, number: int) -> tuple[float, float]:
        """Where a thing is on the screen."""
        box = self.page.locator(f'.thing[data-handle="m{number}"] .tint').bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def marked(self) -> list[int]:
        """Numbers of the marked things."""
        things = self.page.locator(".stage .thing:not(.unmarked)").all()
        return sorted(int(each.get_attribute("data-handle")[1:]) for each in things)

    def wait_for_marked(self, count: int) -> None:
        """Until so many things are marked."""
        self.page.wait_for_function(
            "(count) => document.querySelectorAll('.stage .thing:not(.unmarked)').length === count",
            arg=count,
            timeout=WAIT,
        )

    def counted(self) -> int:
        """What the table says, all kinds together."""
        return sum(int(each) for each in self.page.locator(".stage .counts td.number").all_inner_texts())

    def download(self, kind: str) -> bytes:
        """Download a file."""
        address = self.page.locator(f'.downloads a[href$="/{kind}"]').get_attribute("href")
        answer = self.page.request.get(f"{self.page.url.rstrip('/')}/{address}")
        assert answer.ok, answer.text()
        return bytes(answer.body())

    def errors(self) -> list[str]:
        """What went wrong in the page's scripts; an error that the server told is none."""
        return [each for each in self.page.errors if "Failed to load resource" not in each]


@contextmanager
def visitor(chromium: Any, address: str, link: str = "", **options: Any) -> Iterator[Visitor]:
    """A visitor with cookies of their own, who comes by a link where there is one."""
    with page_of(chromium, **options) as page:
        page.set_default_timeout(WAIT)
        page.goto(link or address)
        page.wait_for_selector(".stage .examples button", state="attached")
        visiting = Visitor(page)
        yield visiting
        assert not visiting.errors(), visiting.errors()
        own = (address, "data:", "blob:")
        outside = [url for url in page.requests if not url.startswith(own)]
        assert not outside, outside
