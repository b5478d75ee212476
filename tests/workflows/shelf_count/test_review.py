"""The review: its queue, its page in a browser, who may ask it what, and what its corrections become."""

from __future__ import annotations

import csv
import http.client
import json
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_tools.shelves.products import Expected, Product
from agent_tools.shelves.results import Correction
from tests.browser import page_of
from tests.workflows.shelf_count.made_up import StoreInMemory, made_up_run
from workflows.shelf_count.corrections import examples_in
from workflows.shelf_count.report import write_report
from workflows.shelf_count.results_kept import PictureResult
from workflows.shelf_count.review import ReviewServer
from workflows.shelf_count.review_queue import Review, waiting
from workflows.shelf_count.store import COUNTS, Counted, FoundPicture, RunStore
from workflows.shelf_count.tables import write_tables


@pytest.fixture
def store(tmp_path: Path) -> StoreInMemory:
    return made_up_run(tmp_path / "pictures", 8)


@contextmanager
def served(store: StoreInMemory) -> Iterator[ReviewServer]:
    with ReviewServer(Review(store)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def reviewing(chromium: Any, server: ReviewServer) -> Iterator[Any]:
    with page_of(chromium) as page:
        page.goto(server.url)
        page.wait_for_selector(".thing")
        yield page
        assert page.errors == []
        outside = [url for url in page.requests if not url.startswith((server.url, "data:"))]
        assert outside == []


def total(page: Any, sku: str) -> int:
    return int(page.locator(f'[data-sku="{sku}"] .n').inner_text())


def wait_for_total(page: Any, sku: str, wanted: int) -> None:
    from playwright.sync_api import expect

    expect(page.locator(f'[data-sku="{sku}"] .n')).to_have_text(str(wanted))


def in_counts_csv(folder: Path, store: StoreInMemory, result: PictureResult) -> dict[str, int]:
    write_tables(folder, store)
    with (folder / "counts.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["picture"] == result.picture.address]
    return {line["sku"]: int(line["count"]) for line in lines if line["row"] == "all"}


def first(store: StoreInMemory) -> PictureResult:
    return store.result(waiting(store)[0].picture)


def test_review_removing_and_adding_boxes_reaches_the_tables(
    chromium: Any, store: StoreInMemory, tmp_path: Path
) -> None:
    result = first(store)
    before = in_counts_csv(tmp_path, store, result)
    with served(store) as server, reviewing(chromium, server) as page:
        oranges = total(page, "4011")
        page.get_by_role("button", name="Oranges, counted; press to take it out").first.click()
        wait_for_total(page, "4011", oranges - 1)
        page.keyboard.press("3")
        frame = page.locator("#sheet").bounding_box()
        page.mouse.move(frame["x"] + 0.4 * frame["width"], frame["y"] + 0.1 * frame["height"])
        page.mouse.down()
        page.mouse.move(frame["x"] + 0.5 * frame["width"], frame["y"] + 0.3 * frame["height"], steps=3)
        page.mouse.up()
        wait_for_total(page, "0042", before["0042"] + 1)
        assert "row 1: 1" in page.locator('[data-sku="0042"] .rows').inner_text()
        assert store.result(result.picture.address).correction is None, "nothing is kept before it is saved"
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        page.locator("#progress", has_text="1 of").wait_for()
    after = in_counts_csv(tmp_path, store, result)
    assert after == {**before, "4011": before["4011"] - 1, "0042": before["0042"] + 1}
    kept = store.result(result.picture.address).correction
    assert kept is not None
    assert kept.confirmed
    ((sku, box),) = kept.added
    assert sku == "0042"
    assert box == pytest.approx((192, 36, 240, 108), abs=1)


def test_review_near_miss_is_accepted_by_keyboard_and_taken_back(chromium: Any, store: StoreInMemory) -> None:
    result = first(store)
    missed = next(each for each in result.count.objects if not each.counted)
    with served(store) as server, reviewing(chromium, server) as page:
        before = total(page, missed.sku)
        page.locator(".thing.near").first.focus()
        page.keyboard.press("Space")
        wait_for_total(page, missed.sku, before + 1)
        page.keyboard.press("z")
        wait_for_total(page, missed.sku, before)
        assert page.locator(".thing.near").count() == sum(not each.counted for each in result.count.objects)


def test_review_saved_picture_can_be_taken_back_and_skipped_ones_come_again(
    chromium: Any, store: StoreInMemory
) -> None:
    queue = [Path(each.picture).name for each in waiting(store)]
    address = waiting(store)[1].picture
    with served(store) as server, reviewing(chromium, server) as page:

        def open_now(name: str) -> None:
            page.locator("#name", has_text=name).wait_for()

        open_now(queue[0])
        page.keyboard.press("s")
        open_now(queue[1])
        page.keyboard.press("Enter")
        open_now(queue[2])
        assert store.result(address).correction == Correction(confirmed=True)
        page.keyboard.press("z")
        open_now(queue[1])
        assert store.result(address).correction is None
        for name in [*queue[1:], queue[0]]:
            open_now(name)
            page.keyboard.press("Enter")
        page.wait_for_selector("text=Nothing is left to review")
        page.get_by_role("button", name="End review").click()
        page.wait_for_selector("text=The review has ended")
    assert waiting(store) == []


def test_review_page_of_a_long_list_shows_what_is_on_the_shelf_and_finds_the_others(
    chromium: Any, store: StoreInMemory
) -> None:
    more = [
        Product(f"sku {n}", (f"thing {n}",), f"Thing {n}", expected=(Expected(1, 1, shelf="b"),)) for n in range(40)
    ]
    many = StoreInMemory(list(store.results()), [*store.products.products, *more])
    with served(many) as server, reviewing(chromium, server) as page:
        assert page.locator("#products > li").count() <= 3
        page.click("#others summary")
        assert page.locator("#other-products > li").count() == 30
        page.fill("#find", "thing 39")
        page.wait_for_function("document.querySelectorAll('#other-products > li').length === 1")
        page.get_by_role("button", name="Add Thing 39").click()
        frame = page.locator("#sheet").bounding_box()
        page.mouse.move(frame["x"] + 20, frame["y"] + 20)
        page.mouse.down()
        page.mouse.move(frame["x"] + 60, frame["y"] + 70)
        page.mouse.up()
        page.wait_for_selector('#products > li[data-sku="sku 39"] .n:text-is("1")')


def test_review_page_on_a_phone_is_no_wider_than_the_phone(chromium: Any, store: StoreInMemory) -> None:
    with served(store) as server, page_of(chromium, viewport={"width": 390, "height": 844}) as page:
        page.goto(server.url)
        page.wait_for_selector(".thing")
        assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("{token}/", {}, 200),
        ("{token}/pictures/0", {}, 200),
        ("wrong/", {}, 404),
        ("", {}, 404),
        ("{token}/", {"Host": "evil.example"}, 403),
        ("{token}/", {"Host": "127.0.0.1"}, 403),
        ("{token}/pictures/99", {}, 400),
        ("{token}/pictures/-1", {}, 400),
        ("{token}/previews/0/../../../../etc/passwd", {}, 404),
        ("{token}/previews/..%2f..%2fetc%2fpasswd", {}, 400),
        ("{token}/previews//etc/passwd", {}, 404),
        ("{token}/run.sqlite", {}, 404),
    ],
)
def test_review_server_answers_only_its_own_page(
    store: StoreInMemory, path: str, headers: dict[str, str], status: int
) -> None:
    with served(store) as server:
        address = f"http://{server.hosts[0]}/".encode() + path.format(token=server.token).encode()
        request = httpx.Request("GET", httpx.URL(address.decode()), headers=headers)
        request.url = request.url.copy_with(raw_path=b"/" + path.format(token=server.token).encode())
        with httpx.Client(trust_env=False) as client:
            assert client.send(request).status_code == status


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, {"confirmed": True}, 403),
        ({"Origin": "http://evil.example"}, {"confirmed": True}, 403),
        ({"Origin": "null"}, {"confirmed": True}, 403),
        ({"Origin": "own"}, {"confirmed": True}, 200),
        ({"Origin": "own"}, {"removed": [["no such sku", [1, 1, 5, 5]]]}, 400),
        ({"Origin": "own"}, {"added": [["4011", [1, 1, 99999, 5]]]}, 400),
        ({"Origin": "own"}, {"added": [["4011", [5, 5, 1, 1]]]}, 400),
        ({"Origin": "own"}, {"added": [["4011", [1, 1, "NaN", 5]]]}, 400),
        ({"Origin": "own"}, [], 400),
        ({"Origin": "own"}, {"added": [["4011", [1, 1, 5, 5]]] * 6_000}, 400),
    ],
)
def test_review_server_takes_corrections_only_from_its_page_and_only_whole_ones(
    store: StoreInMemory, headers: dict[str, str], body: Any, status: int
) -> None:
    with served(store) as server, httpx.Client(trust_env=False) as client:
        sent = {name: f"http://{server.hosts[0]}" if value == "own" else value for name, value in headers.items()}
        answer = client.post(f"{server.url}corrections/0", json=body, headers=sent)
        assert answer.status_code == status
    assert any(each.correction for each in store.results()) == (status == 200)


def test_review_server_refuses_more_than_it_would_read(store: StoreInMemory) -> None:
    with served(store) as server:
        connection = http.client.HTTPConnection(server.hosts[0], timeout=10)
        connection.putrequest("POST", f"/{server.token}/corrections/0")
        connection.putheader("Origin", f"http://{server.hosts[0]}")
        connection.putheader("Content-Length", str(10**10))
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


def test_review_pictures_of_doubt_alone_are_in_the_queue(store: StoreInMemory) -> None:
    counted = [each for each in store.results() if each.count is not None]
    doubtful = {each.picture.address for each in counted if any(count.review for count in each.count.counts)}
    assert 0 < len(doubtful) < len(counted)
    assert {each.picture for each in waiting(store)} == doubtful
    assert len(waiting(store, everything=True)) == len(counted)
    store.correct(waiting(store)[0].picture, Correction(confirmed=True))
    assert len(waiting(store)) == len(doubtful) - 1


def kept_run(folder: Path, store: StoreInMemory) -> None:
    """The same run as `count-shelves` keeps it."""
    results = list(store.results())
    with RunStore.create(folder) as run:
        run.begin(store.products, store.models, [FoundPicture(each.picture) for each in results])
        run.keep(
            Counted(each.picture, f"{place:064}", each.count and COUNTS.dump_json(each.count), each.error)
            for place, each in enumerate(results)
        )


def test_review_command_lists_the_queue(run: Any, store: StoreInMemory, tmp_path: Path) -> None:
    kept_run(tmp_path / "run", store)
    code, out, _ = run("review", str(tmp_path / "run"), "--list", "--json")
    assert code == 0
    assert [each["picture"] for each in json.loads(out)] == [each.picture for each in waiting(store)]
    code, out, _ = run("review", str(tmp_path / "run"), "--list")
    assert out.splitlines()[0].endswith("(Genève, fruit 2)")
    assert run("review", str(tmp_path), "--list")[0] == 1


def test_review_command_writes_tables_and_report_when_it_ends(
    run: Any, store: StoreInMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_run(tmp_path / "run", store)
    result = first(store)
    counted = next(each for each in result.count.objects if each.counted)

    def person(url: str) -> None:
        own = {"Origin": url.rsplit("/", 2)[0]}
        with httpx.Client(base_url=url, headers=own, trust_env=False) as client:
            correction = {"removed": [[counted.sku, counted.box]], "confirmed": True}
            assert client.post("corrections/0", json=correction).json() == {"saved": 1}
            client.post("end")

    threads: list[threading.Thread] = []

    def browse(url: str) -> None:
        threads.append(threading.Thread(target=person, args=(url,)))
        threads[0].start()

    monkeypatch.setattr(webbrowser, "open", browse)
    monkeypatch.setattr("workflows.commands.review._services", lambda models: None)
    code, out, err = run("review", str(tmp_path / "run"), "--json")
    threads[0].join()
    assert code == 0, err
    told = json.loads(out)
    assert told["saved"] == 1
    assert {Path(file).name for file in told["files"]} == {"counts.csv", "expected.csv", "shelves.xlsx", "report.html"}
    with (tmp_path / "run" / "counts.csv").open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["picture"] == result.picture.address]
    whole = next(line for line in lines if line["row"] == "all" and line["sku"] == counted.sku)
    before = next(each.n for each in result.count.counts if each.row == 0 and each.sku == counted.sku)
    assert int(whole["count"]) == before - 1
    assert whole["corrected"] == "yes"


def test_report_of_corrected_pictures_says_so(chromium: Any, store: StoreInMemory, tmp_path: Path) -> None:
    result = first(store)
    counted = next(each for each in result.count.objects if each.counted)
    added = ((counted.sku, (200.0, 10.0, 235.0, 45.0)),)
    store.correct(result.picture.address, Correction(((counted.sku, counted.box),), added, True))
    with page_of(chromium) as page:
        page.goto(write_report(tmp_path, store, None).as_uri())
        card = page.locator(".card", has_text=Path(result.picture.address).name)
        assert "Corrected" in card.inner_text()
        assert Path(result.picture.address).name not in page.locator("#queue-body").inner_text()


def test_examples_take_what_a_person_put_right_and_no_more_than_asked(store: StoreInMemory) -> None:
    assert examples_in(store.results()) == {}
    counted = [each for each in store.results() if each.count is not None]
    for result in counted[:3]:
        oranges = [each for each in result.count.objects if each.sku == "4011" and each.counted]
        removed = tuple((each.sku, each.box) for each in oranges[:2])
        store.correct(result.picture.address, Correction(removed, (("4017", (1.0, 2.0, 30.0, 40.0)),), True))
    seen = {each.box for result in counted for each in result.count.objects if each.counted}
    corrections = [store.result(result.picture.address).correction for result in counted[:3]]
    gone = {box for correction in corrections for _, box in correction.removed}
    examples = examples_in(store.results(), most=4)
    pears = [each for each in examples["4017"] if each.belongs]
    assert [each.box for each in pears[:3]] == [(1.0, 2.0, 30.0, 40.0)] * 3, "what was missed teaches most"
    assert [each.picture for each in pears[:3]] == [each.picture.address for each in counted[2::-1]], "the last first"
    assert len(pears) == 4
    oranges = examples["4011"]
    assert [each.belongs for each in oranges] == [True] * 4 + [False] * 4
    assert all(each.box in (seen - gone if each.belongs else gone) for each in oranges)
