"""The addresses beside the page: pictures, downloads, uploads, and who may ask for them."""

from __future__ import annotations

import base64
import csv
import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from agent_tools.memory import Memory
from agent_tools.pictures import Picture
from tests.workflows.web.rooms_for_tests import do, rooms_on, shelf
from workflows.web.guard import COOKIE, Guard
from workflows.web.rooms import Room, Rooms
from workflows.web.routes import add_routes
from workflows.web.view import view

HOME = "http://127.0.0.1:7860"
JSON = {"accept": "application/json"}


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    with Memory(tmp_path / "memory") as memory:
        yield rooms_on(memory)


def client(rooms: Rooms, logins: dict[str, str] | None = None, most: int = 1_000_000) -> TestClient:
    app = FastAPI()
    add_routes(app, rooms)
    return TestClient(Guard(app, ["127.0.0.1"], logins or {}, most), base_url=HOME)


@pytest.fixture
def browser(rooms: Rooms) -> TestClient:
    return client(rooms)


def opened(browser: TestClient, rooms: Rooms, picture: Picture | None = None) -> Room:
    picture = picture or shelf()
    told = browser.post("/pictures", params={"name": picture.name}, content=picture.original).json()
    assert told["handle"] == "p1"
    return rooms.room(told["conversation"])


def test_upload_begins_a_conversation_and_sets_its_cookie(browser: TestClient, rooms: Rooms) -> None:
    room = opened(browser, rooms)
    assert browser.cookies[COOKIE] == room.id
    made = browser.post("/pictures", content=shelf(corner=9).original, headers={"X-Askmask-Conversation": room.id})
    assert made.json()["handle"] == "p2"
    cookie = made.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "empty"),
        (b"<html>hello</html>", "web page"),
        (shelf().original[:200], "cut off"),
        (b"\x00" * 64, "not a picture"),
    ],
)
def test_upload_of_no_picture_is_told_and_leaves_nothing(
    browser: TestClient, rooms: Rooms, data: bytes, told: str
) -> None:
    answer = browser.post("/pictures", content=data)
    assert answer.status_code == 400
    assert told in answer.json()["error"]
    assert COOKIE not in browser.cookies


def test_upload_beyond_the_limit_is_refused_even_if_it_lies_about_its_length(rooms: Rooms) -> None:
    browser = client(rooms, most=1000)
    assert browser.post("/pictures", content=b"x" * 2000).status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    assert browser.post("/pictures", content=pieces()).status_code == 413


def test_picture_is_served_as_the_view_names_it_and_changes_address_with_its_edits(
    browser: TestClient, rooms: Rooms
) -> None:
    room = opened(browser, rooms)
    room.ask("count the red boxes", (), "p1")
    before = view(room)["picture"]
    do(room, do="edit", action="grayscale", target="marked")
    after = view(room)["picture"]
    assert before["url"].endswith("/original")
    assert after["url"] != before["url"]
    pixels = np.asarray(Image.open(io.BytesIO(browser.get(f"/{after['url']}").content)).convert("RGB")).astype(int)
    assert np.ptp(pixels[8, 8]) < 12  # the red square has lost its colour
    assert np.ptp(pixels[8, 24]) > 100
    original = np.asarray(Image.open(io.BytesIO(browser.get(f"/{after['original']}").content)).convert("RGB"))
    assert original[8, 8, 0] > 180
    assert "immutable" in browser.get(f"/{after['url']}").headers["cache-control"]


@pytest.mark.parametrize(
    "address",
    [
        "/pictures/{other}/p1/original",
        "/pictures/{own}/p7/original",
        "/choices/{other}/m1",
        "/downloads/{other}/p1/picture",
        "/downloads/{own}/p9/picture",
        "/static/../rooms.py",
        "/static/rooms.py",
        "/examples/99.jpg",
    ],
)
def test_what_is_not_there_is_an_error_and_no_picture(browser: TestClient, rooms: Rooms, address: str) -> None:
    room = opened(browser, rooms)
    answer = browser.get(address.format(own=room.id, other="f" * 32))
    assert answer.status_code in (400, 404)
    assert not answer.headers.get("content-type", "").startswith("image/")


def test_downloads_hold_what_is_marked(browser: TestClient, rooms: Rooms) -> None:
    room = opened(browser, rooms)
    room.ask("count the red boxes", (), "p1")
    do(room, do="select", handles=["m2"], combine="subtract")
    start = f"/downloads/{room.id}/p1"

    picture = browser.get(f"{start}/picture")
    assert "shelf-edited.png" in picture.headers["content-disposition"]
    assert (np.asarray(Image.open(io.BytesIO(picture.content))) == shelf().array).all()
    assert Image.open(io.BytesIO(browser.get(f"{start}/marked").content)).format == "JPEG"
    rows = list(csv.DictReader(io.StringIO(browser.get(f"{start}/csv").content.decode("utf-8-sig"))))
    assert len(rows) == 2
    with zipfile.ZipFile(io.BytesIO(browser.get(f"{start}/coco").content)) as archive:
        name = next(each for each in archive.namelist() if each.endswith(".json") and "askmask" not in each)
        assert len(json.loads(archive.read(name))["annotations"]) == 2
    for kind in ("masks", "cut-outs"):
        with zipfile.ZipFile(io.BytesIO(browser.get(f"{start}/{kind}").content)) as archive:
            assert sum(each.endswith(".png") for each in archive.namelist()) == 2


def test_downloads_of_nothing_say_what_to_do(browser: TestClient, rooms: Rooms) -> None:
    room = opened(browser, rooms)
    answer = browser.get(f"/downloads/{room.id}/p1/coco")
    assert answer.status_code == 400
    assert "Ask for something first" in answer.json()["error"]


def test_choices_are_the_outlines_a_thing_may_have(browser: TestClient, rooms: Rooms) -> None:
    room = opened(browser, rooms)
    do(room, do="gesture", kind="point", coordinates=[[8, 8]], include=True)
    told = browser.get(f"/choices/{room.id}/m1").json()
    steps = [each["steps"] for each in told]
    assert steps == sorted(steps)
    if told:  # the fakes offer a choice
        assert 0 in steps


def test_link_sets_the_cookie_and_disappears_from_the_address(browser: TestClient) -> None:
    answer = browser.get("/", params={"c": "a" * 32}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.cookies[COOKIE] == "a" * 32


def test_leaving_drops_the_cookie_and_erasing_the_conversation(browser: TestClient, rooms: Rooms) -> None:
    room = opened(browser, rooms)
    browser.post("/leave")
    assert COOKIE not in browser.cookies
    assert rooms.known(room.id) is not None
    assert browser.post(f"/erase/{room.id}").status_code == 200
    assert rooms.known(room.id) is None
    assert browser.post(f"/erase/{room.id}").status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:3000"},
        {"origin": "null"},
        {"host": ""},
    ],
)
def test_requests_of_other_pages_and_hosts_are_refused(browser: TestClient, headers: dict[str, str]) -> None:
    assert browser.post("/leave", headers=headers).status_code == 403
    assert browser.post("/leave", headers={"origin": HOME}).status_code == 200


def basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_login_is_asked_for_and_conversations_are_the_owners_own(rooms: Rooms) -> None:
    browser = client(rooms, {"ann": "correct horse", "bob": "battery staple"})
    refused = browser.get("/healthz")
    assert refused.status_code == 401
    assert "Basic" in refused.headers["www-authenticate"]
    for wrong in (basic("ann", "battery staple"), basic("eve", ""), basic("ann", ""), {"authorization": "Basic %%%"}):
        assert browser.get("/healthz", headers=wrong).status_code == 401
    ann, bob = basic("ann", "correct horse"), basic("bob", "battery staple")
    told = browser.post("/pictures", content=shelf().original, headers=ann).json()
    address = f"/pictures/{told['conversation']}/p1/original"
    assert browser.get(address, headers=ann).status_code == 200
    assert browser.get(address, headers=bob).status_code == 404


def test_every_answer_tells_browsers_to_keep_addresses_to_themselves(browser: TestClient) -> None:
    headers = browser.get("/healthz").headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_private_metadata_of_an_upload_is_in_no_download(browser: TestClient, rooms: Rooms) -> None:
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x010E], exif[0x013B] = "the secret garden", "Ann"
    Image.fromarray(shelf().array).save(file, "JPEG", exif=exif)
    room = opened(browser, rooms, Picture.from_bytes(file.getvalue(), "garden.jpg"))
    room.ask("count the red boxes", (), "p1")
    for kind in ("picture", "marked"):
        data = browser.get(f"/downloads/{room.id}/p1/{kind}").content
        assert b"secret garden" not in data
        assert b"Ann" not in data


def test_picture_and_outlines_come_while_a_request_is_at_work(browser: TestClient, rooms: Rooms) -> None:
    room = opened(browser, rooms)
    room.ask("count the red boxes", (), "p1")
    with room.lock, room.toolkit.turn("a long one"), ThreadPoolExecutor(1) as other:
        for address in (f"/pictures/{room.id}/p1/original", f"/choices/{room.id}/m1"):
            assert other.submit(browser.get, address).result(timeout=20).status_code == 200
