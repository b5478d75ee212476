"""The report's page: what it says, in a browser, and that it asks for nothing beyond itself."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.shelves.products import Product
from agent_tools.shelves.results import Finding, ProductCount, ShelfCount
from tests.browser import page_of
from tests.workflows.shelf_count.made_up import PRODUCTS, StoreInMemory, made_up_run
from workflows.shelf_count.report import write_report
from workflows.shelf_count.results_kept import PictureResult, ShelfPicture

NASTY = '</script ><script>window.ran=1</script><img src=x onerror="window.ran=1">'


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StoreInMemory]:
    folder = tmp_path_factory.mktemp("run")
    store = made_up_run(folder / "pictures", 20)
    write_report(folder, store, Services(FakeDetector(), FakeSegmenter(), "custom", "fake", "fake"))
    return folder, store


@pytest.fixture
def page(chromium: Any, run: tuple[Path, StoreInMemory]) -> Iterator[Any]:
    with page_of(chromium) as opened:
        opened.goto((run[0] / "report.html").as_uri())
        yield opened
        assert opened.errors == []
        allowed = ((run[0] / "report.html").as_uri(), "data:")
        assert [url for url in opened.requests if not url.startswith(allowed)] == []


def rows(page: Any, section: str) -> list[str]:
    return page.locator(f"#{section}-body tbody tr").all_inner_texts()


def whole(store: StoreInMemory) -> list[PictureResult]:
    return [each for each in store.results() if each.count is not None]


def test_report_totals_are_the_sums_of_the_counts(page: Any, run: tuple[Path, StoreInMemory]) -> None:
    for product, row in zip(PRODUCTS, rows(page, "totals"), strict=True):
        counts = [c for each in whole(run[1]) for c in each.count.counts if c.row == 0 and c.sku == product.sku]
        assert row.split("\t")[:2] == [product.name, f"{sum(each.n for each in counts):,}"]


def test_report_says_differences_in_plain_words(page: Any, run: tuple[Path, StoreInMemory]) -> None:
    page.locator("#differences-body button").first.click()
    told = rows(page, "differences")
    assert len(told) == sum(len(each.count.findings) for each in whole(run[1]))
    assert any(re.search(r"6 expected, 5 found in row 1", row) for row in told)


def test_report_review_queue_begins_with_the_most_doubtful(page: Any, run: tuple[Path, StoreInMemory]) -> None:
    doubtful = [each for each in whole(run[1]) if any(count.review for count in each.count.counts)]
    doubtful.sort(key=lambda each: -round(each.count.doubt, 3))
    names = page.locator("#queue-body tbody a").all_inner_texts()
    assert names == [Path(each.picture.address).name for each in doubtful][: len(names)]
    assert "may be one more" in rows(page, "queue")[0]


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        ({"store": "Bern"}, lambda each: each.picture.store == "Bern"),
        (
            {"store": "Bern", "shelf": "fruit 2"},
            lambda each: (each.picture.store, each.picture.shelf) == ("Bern", "fruit 2"),
        ),
        ({"text": "bern-001"}, lambda each: "bern-001" in each.picture.address),
        ({"kind": "gap"}, lambda each: each.count and any(one.kind == "gap" for one in each.count.findings)),
        (
            {"product": "1", "kind": "missing"},
            lambda each: each.count and any(f.kind == "missing" and f.sku == "4017" for f in each.count.findings),
        ),
        ({"review": True}, lambda each: each.count and any(count.review for count in each.count.counts)),
        ({"errors": True}, lambda each: each.error),
        ({"text": "no such thing"}, lambda each: False),
    ],
)
def test_report_filters_leave_the_pictures_that_fit(
    page: Any, run: tuple[Path, StoreInMemory], filters: dict[str, Any], fits: Any
) -> None:
    for name, value in filters.items():
        field = page.locator(f"#{name}")
        if value is True:
            field.check()
        elif name == "text":
            field.fill(value)
        else:
            field.select_option(value)
    wanted = sum(bool(fits(each)) for each in run[1].results())
    about = page.locator("#about")
    about.filter(has_text=f"· {wanted} of 20 pictures").wait_for()
    shown = page.locator("#gallery .card").count() + len(rows(page, "unread")) + len(rows(page, "pictures"))
    assert shown == min(wanted, 9 + len(rows(page, "unread")))
    if filters.get("shelf"):
        page.reload()
        assert page.locator("#shelf").input_value() == filters["shelf"], "a view can be passed on by its address"
    page.locator("#clear").click()
    about.filter(has_text="· 20 pictures").wait_for()


def test_report_pictures_are_drawn_and_linked(page: Any, run: tuple[Path, StoreInMemory]) -> None:
    from playwright.sync_api import expect

    card = page.locator(".card").first
    card.scroll_into_view_if_needed()
    expect(card.locator("img")).to_have_js_property("naturalWidth", 480)
    assert (run[0] / unquote(card.locator("h3 a").get_attribute("href"))).is_file()
    card.locator(".view").click()
    assert page.locator("dialog[open] table").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_report_on_a_phone_is_no_wider_than_the_phone(chromium: Any, run: tuple[Path, StoreInMemory]) -> None:
    with page_of(chromium, viewport={"width": 390, "height": 844}, color_scheme="dark") as page:
        page.goto((run[0] / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 24)"


def test_report_names_that_look_like_html_are_only_text(chromium: Any, tmp_path: Path) -> None:
    counts = (ProductCount("1", 0, 1, 1, 2, 0.4, review=True, why=(NASTY,)),)
    finding = Finding("gap", "1", 1, None, 0, 0.9, (1, 1, 5, 5))
    count = ShelfCount(9, 9, counts=counts, findings=(finding,), unknown={NASTY: NASTY})
    results = [
        PictureResult(ShelfPicture(NASTY, NASTY, NASTY, NASTY), count),
        PictureResult(ShelfPicture("2 " + NASTY), error=NASTY),
        PictureResult(ShelfPicture("javascript:window.ran=1"), count),
    ]
    store = StoreInMemory(results, (Product("1", (), NASTY),))
    store.products = replace(store.products, name=NASTY, notices=(NASTY,))
    write_report(tmp_path, store, None)
    with page_of(chromium) as page:
        page.goto((tmp_path / "report.html").as_uri())
        assert page.locator("#queue-body tbody tr").count() == 2
        assert NASTY in page.locator("#totals-body").inner_text()
        assert page.evaluate("window.ran") is None
        assert page.errors == []
        assert page.locator('a[href^="javascript"]').count() == 0


def test_report_drawings_stay_within_their_number_and_size(tmp_path: Path, run: tuple[Path, StoreInMemory]) -> None:
    few = write_report(tmp_path, run[1], None, drawn=5).read_text()
    assert few.count("data:image/jpeg") == 5
    small = write_report(tmp_path, run[1], None, room_bytes=150_000).read_text()
    assert 0 < small.count("data:image/jpeg") < 5
    assert "had reached the size" in small


def test_report_pictures_that_are_gone_are_told_of(tmp_path: Path, run: tuple[Path, StoreInMemory]) -> None:
    results = [replace(each, picture=replace(each.picture, address="/gone.jpg")) for each in whole(run[1])[:1]]
    page = write_report(tmp_path, StoreInMemory(results), None).read_text()
    assert "1 pictures could not be opened any more" in page


class ManyPictures(StoreInMemory):
    def results(self) -> Iterator[PictureResult]:
        rng = np.random.default_rng(3)
        for place in range(10_000):
            sure = float(rng.uniform(0.3, 1))
            why = ("one thing may be one more",) if sure < 0.5 else ()
            counts = tuple(
                ProductCount(sku, row, 6, 5, 7, sure, review=bool(why), why=why)
                for sku in ("4011", "4017", "0042")
                for row in range(4)
            )
            findings = (Finding("missing", "4011", 1, (6, 6), 5, sure),) * int(rng.integers(0, 3))
            picture = ShelfPicture(f"shop/{place:05}.jpg", f"store {place % 120}", f"shelf {place % 7}")
            yield PictureResult(picture, ShelfCount(960, 720, counts=counts, findings=findings))


def test_report_of_ten_thousand_pictures_opens_and_filters_quickly(chromium: Any, tmp_path: Path) -> None:
    path = write_report(tmp_path, ManyPictures([]), None, drawn=0)
    assert path.stat().st_size < 12_000_000
    with page_of(chromium) as page:
        began = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("#queue-body tbody tr")
        opened = time.perf_counter() - began
        began = time.perf_counter()
        page.locator("#store").select_option("store 77")
        page.locator("#about", has_text="83 of 10,000 pictures").wait_for()
        assert (opened < 8, time.perf_counter() - began < 4) == (True, True), (opened, time.perf_counter() - began)
        assert page.errors == []
