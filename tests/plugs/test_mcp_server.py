"""The MCP server, used by the official client: in this process, over HTTP on loopback, and as a real subprocess."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from PIL import Image

from agent_tools.errors import ConfigError, ServiceError
from agent_tools.masks import Mask
from agent_tools.memory import Memory
from agent_tools.plugs.mcp_contents import FIELD_BYTES, TEXT_BYTES, bounded, data_of
from agent_tools.plugs.mcp_http import http_app, serve_http
from agent_tools.plugs.mcp_server import VisionServer
from agent_tools.services.base import Segments
from agent_tools.services.fakes import FakeDetector
from agent_tools.settings import Settings, settings
from agent_tools.shelves import counting
from agent_tools.shelves.results import ProductCount, ShelfCount, ShelfObject, ShelfRow
from agent_tools.toolkit import SharedModels
from agent_tools.tools.registry import TOOLS, schema
from tests.plugs.conftest import GatedDetector, drawn, fakes, within

FAKES = [
    "--detector",
    "agent_tools.services.fakes:FakeDetector",
    "--segmenter",
    "agent_tools.services.fakes:FakeSegmenter",
]
ERAS = ["legacy", "auto"]
"""With a handshake, and as of 2026-07-28 without one."""
Make = Callable[..., VisionServer]


@pytest.fixture
def make(memory: Memory, rules: Settings) -> Make:
    def build(conversation: str | None = None, **services: Any) -> VisionServer:
        models = SharedModels(services=fakes(**services))
        return VisionServer(models, memory, conversation=conversation, rules=rules)

    return build


@contextmanager
def listening(server: VisionServer, host: str = "127.0.0.1") -> Iterator[str]:
    """The server over HTTP in a thread of this process; its address."""
    config = uvicorn.Config(http_app(server, host), "127.0.0.1", 0, log_level="warning", timeout_graceful_shutdown=1)
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run)
    thread.start()
    while not web.started:
        time.sleep(0.01)
        assert thread.is_alive()
    try:
        yield f"http://127.0.0.1:{web.servers[0].sockets[0].getsockname()[1]}/mcp"
    finally:
        web.should_exit = True
        thread.join(30)


def text_of(result: Any) -> str:
    """The text of a result; there is no base64 in it, and it is short."""
    texts = [part.text for part in result.content if part.type == "text"]
    assert sum(len(text.encode()) for text in texts) <= 4096
    return " ".join(texts)


async def opened(client: Client, **more: str) -> str:
    """Open the picture; the id of the conversation."""
    result = await client.call_tool("open_picture", {"source": "shelf.png", **more})
    assert not result.is_error
    return str(result.structured_content["conversation"])


@pytest.mark.parametrize("era", ERAS)
def test_subprocess_serves_tools_results_progress_and_pictures(era: str, shelves: Path, own_data_folder: Path) -> None:
    told: list[str | None] = []

    async def progress(_: float, __: float | None, message: str | None) -> None:
        told.append(message)

    async def talk() -> None:
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "workflows.cli", "mcp", str(shelves), *FAKES],
            env={**os.environ, "ASKMASK_DATA_DIR": str(own_data_folder)},
        )
        async with Client(command, mode=era) as client:
            listed = (await client.list_tools()).tools
            assert {one.name: (one.description, one.input_schema) for one in listed} == {
                tool.name: (tool.description, schema(tool)) for tool in TOOLS.values()
            }
            assert [one.name for one in listed if one.annotations.destructive_hint] == ["forget"]
            assert {one.name for one in listed if one.annotations.read_only_hint} == {"show", "recall", "explain"}

            conversation = await opened(client)
            counted = await client.call_tool("count", {"phrases": ["red"]}, progress_callback=progress)
            assert text_of(counted) == "2 red: m1 m2 (score 0.90). low 2, high 2."
            assert counted.structured_content["counts"]["red"]["n"] == 2
            assert counted.structured_content["conversation"] == conversation
            assert told == ["loading the models", "looking for red", "outlining 2"]

            mask = await client.read_resource(counted.structured_content["objects"][0]["mask"])
            inside = np.asarray(Image.open(BytesIO(base64.b64decode(mask.contents[0].blob))).convert("L")) > 0
            assert np.array_equal(inside, _square(4, 4, 12, 12))
            link = next(part for part in counted.content if part.type == "resource_link")
            preview = await client.read_resource(link.uri)
            assert Image.open(BytesIO(base64.b64decode(preview.contents[0].blob))).format == "JPEG"
            known = (await client.list_resources()).resources
            assert [one.name for one in known] == ["p1 shelf.png", "objects", "m1 red", "m1 red", "m2 red", "m2 red"]
            assert link.uri == known[0].uri
            whole = json.loads((await client.read_resource(known[3].uri)).contents[0].text)
            assert np.array_equal(Mask.from_coco(whole["mask"]).to_array(), inside)

            await client.call_tool("select", {"where": {"extreme": "rightmost"}})
            undone = await client.call_tool("undo", {})
            assert undone.structured_content["selection"] == ["m1", "m2"], "one call is one turn"
            shown = await client.call_tool("show", {"handles": ["m2"]})
            assert [part.type for part in shown.content] == ["text", "image"]
            assert shown.content[1].annotations.audience == ["user"]

    within(120, talk)


def _square(x0: int, y0: int, x1: int, y1: int) -> np.ndarray[Any, Any]:
    inside = np.zeros(drawn().shape[:2], bool)
    inside[y0:y1, x0:x1] = True
    return inside


def test_http_command_says_where_it_listens_and_ends_when_interrupted(shelves: Path, own_data_folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "workflows.cli", "mcp", str(shelves), "--http", "--port", "0", *FAKES],
        env={**os.environ, "ASKMASK_DATA_DIR": str(own_data_folder)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said.startswith("askmask: serving at http://127.0.0.1:")

        async def talk() -> str:
            async with Client(said.split()[-1], mode="legacy") as client:
                await opened(client)
                return text_of(await client.call_tool("count", {"phrases": ["blue"]}))

        assert within(120, talk).startswith("1 blue: m1")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode in (0, 130, -signal.SIGINT)


def test_two_clients_at_once_do_not_see_each_others_masks(make: Make) -> None:
    async def one(url: str, phrase: str) -> list[Any]:
        async with Client(url, mode="legacy") as client:
            await opened(client)
            counted = await client.call_tool("count", {"phrases": [phrase]})
            await asyncio.sleep(0.2)
            known = await client.call_tool("recall", {})
            listed = (await client.list_resources()).resources
            return [counted.structured_content, text_of(known), {each.uri.split("/")[2] for each in listed}]

    async def both(url: str) -> list[list[Any]]:
        return await asyncio.gather(one(url, "red"), one(url, "blue"))

    with listening(make()) as url:
        (red, red_known, red_places), (blue, blue_known, blue_places) = within(60, lambda: both(url))
    assert [thing["handle"] for thing in red["objects"]] == ["m1", "m2"]
    assert [thing["handle"] for thing in blue["objects"]] == ["m1"]
    assert "blue on" not in red_known
    assert "red on" not in blue_known
    assert red_places == {red["conversation"]} != blue_places == {blue["conversation"]}


def test_http_without_sessions_names_the_conversation_and_takes_it_as_an_argument(make: Make) -> None:
    async def talk(url: str) -> None:
        async with Client(url, mode="auto") as client:
            listed = (await client.list_tools()).tools
            assert all("conversation" in one.input_schema["properties"] for one in listed)
            first = await client.call_tool("open_picture", {"source": "shelf.png"})
            conversation = first.structured_content["conversation"]
            assert text_of(first).endswith(f"Conversation {conversation}: pass it with every call.")
            counted = await client.call_tool("count", {"phrases": ["red"], "conversation": conversation})
            assert text_of(counted) == "2 red: m1 m2 (score 0.90). low 2, high 2."
            alone = await client.call_tool("recall", {})
            assert "red on" not in text_of(alone)
            assert alone.structured_content["conversation"] != conversation
            assert (await client.list_resources()).resources == []
            assert (await client.read_resource(f"askmask://{conversation}/m1.png")).contents[0].mime_type == "image/png"

    with listening(make()) as url:
        within(60, lambda: talk(url))


@pytest.mark.parametrize("era", ERAS)
def test_lists_below_the_folders_are_there_to_count_shelves_by(
    make: Make, shelves: Path, era: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shelves / "lists").mkdir()
    (shelves / "lists" / "products.csv").write_text("sku,phrases\n7,red\n")
    (shelves.parent / "secret.csv").write_text("sku,phrases\n7,red\n")

    def count(picture: Any, products: Any, detector: Any, **_: Any) -> ShelfCount:
        found = detector.detect([picture], [[product.phrases[0] for product in products]])[0]
        things = tuple(ShelfObject(products[0].sku, 1, tuple(box.tolist()), 0.9, 0.9) for box in found.boxes)
        counts = (ProductCount(products[0].sku, 0, len(things), len(things), len(things), 0.9),)
        return ShelfCount(40, 20, (ShelfRow(1, ()),), things, counts)

    monkeypatch.setattr(counting, "count_shelf", count)

    async def talk() -> None:
        async with Client(make().server, mode=era) as client:
            await opened(client)
            counted = await client.call_tool("count_shelf", {"products": ["products.csv"]})
            assert counted.structured_content["counts"]["red"]["n"] == 2
            assert counted.structured_content["shelf"]["products"] == "products.csv"
            refused = await client.call_tool("count_shelf", {"products": ["../secret.csv"]})
            assert refused.is_error
            assert "expected products.csv, or phrases" in text_of(refused)

    within(60, talk)


def test_client_goes_on_with_a_conversation_it_names(make: Make) -> None:
    async def begin(url: str) -> str:
        async with Client(url, mode="legacy") as client:
            conversation = await opened(client)
            await client.call_tool("count", {"phrases": ["red"]})
            return conversation

    async def go_on(url: str, conversation: str) -> list[str]:
        async with Client(url, mode="legacy") as client:
            named = await client.call_tool("recall", {"conversation": conversation})
            after = await client.call_tool("select", {"where": {"extreme": "leftmost"}})
            wrong = await client.call_tool("recall", {"conversation": "0" * 32})
            assert wrong.is_error
            return [text_of(named), text_of(after), text_of(wrong)]

    with listening(make()) as url:
        conversation = within(60, lambda: begin(url))
        named, after, wrong = within(60, lambda: go_on(url, conversation))
    assert "2 red on p1" in named
    assert "m1" in after
    assert wrong.startswith(f"conversation={'0' * 32} ")


def test_server_begins_with_the_conversation_it_is_given(make: Make, memory: Memory) -> None:
    async def talk(server: VisionServer) -> str:
        async with Client(server.server) as client:
            return await opened(client)

    earlier = memory.create()
    assert within(60, lambda: talk(make(earlier))) == earlier
    with pytest.raises(ConfigError, match="conversation="):
        make("0" * 32)


class Dead(FakeDetector):
    def detect(self, *_: Any) -> Any:
        raise ServiceError("detector=far-away does not answer: expected an answer. Start it again.")


class Defective(FakeDetector):
    def detect(self, *_: Any) -> Any:
        raise ZeroDivisionError("a secret path")


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    ("name", "arguments", "detector", "kind", "words"),
    [
        (
            "count",
            {"phrase": "red"},
            None,
            "ToolInputError",
            "phrase=red is not an argument of count: expected phrases",
        ),
        ("select", {"handles": ["m9"]}, None, "HandleError", "handles=m9 do not exist: expected"),
        ("cuont", {}, None, "ToolInputError", "tool=cuont does not exist: expected one of open_picture"),
        (
            "open_picture",
            {"source": "/etc/passwd"},
            None,
            "PictureError",
            "source=/etc/passwd is not a picture you may",
        ),
        ("recall", {"conversation": 3}, None, "ToolInputError", "conversation=3 is no id: expected 32 hex digits"),
        ("count", {"phrases": ["x" * 9000]}, None, "ToolInputError", "phrases.0=x"),
        ("count", {"phrases": ["red"]}, Dead, "ServiceError", "detector=far-away does not answer: expected an answer."),
        ("count", {"phrases": ["red"]}, Defective, "ZeroDivisionError", "askmask has a defect (ZeroDivisionError)"),
    ],
)
def test_error_is_a_result_that_says_what_to_do(
    make: Make, era: str, name: str, arguments: dict[str, Any], detector: Any, kind: str, words: str
) -> None:
    async def talk() -> Any:
        async with Client(make(detector=detector and detector()).server, mode=era) as client:
            await opened(client)
            failed = await client.call_tool(name, arguments)
            assert "m1" not in text_of(await client.call_tool("recall", {})), "nothing is kept, and the server goes on"
            return failed

    failed = within(60, talk)
    assert failed.is_error
    assert text_of(failed).startswith(words)
    assert failed.structured_content["error"]["type"] == kind
    assert ("Tell the person" in text_of(failed)) == (detector is not None)
    assert "secret" not in text_of(failed)


@pytest.mark.parametrize(
    "uri", ["askmask://{}/m9.png", "askmask://{}/p1.png", "askmask://{}/m1.jpg", "file:///etc/passwd"]
)
def test_resource_that_is_not_there_is_refused(make: Make, uri: str) -> None:
    async def talk() -> MCPError:
        async with Client(make().server) as client:
            conversation = await opened(client)
            with pytest.raises(MCPError, match="uri=") as caught:
                await client.read_resource(uri.format(conversation))
            return caught.value

    assert within(60, talk).code == -32602


@pytest.mark.parametrize("era", ERAS)
def test_call_that_is_cancelled_leaves_nothing_and_the_next_one_works(make: Make, era: str) -> None:
    gate = GatedDetector()

    async def talk(url: str) -> tuple[str, Any]:
        async with Client(url, mode=era) as client:
            conversation = await opened(client)
            call = asyncio.create_task(client.call_tool("ground", {"phrases": ["red"], "conversation": conversation}))
            await asyncio.to_thread(gate.began.wait, 30)
            call.cancel()
            await asyncio.sleep(0.3)
            gate.go_on.set()
            known = await client.call_tool("recall", {"conversation": conversation})
            after = await client.call_tool("count", {"phrases": ["blue"], "conversation": conversation})
            return text_of(known), after.structured_content

    with listening(make(detector=gate)) as url:
        known, after = within(60, lambda: talk(url))
    assert "red on" not in known
    assert [thing["handle"] for thing in after["objects"]] == ["m1"]


def test_client_hears_that_a_slow_model_is_still_at_work(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_tools.plugs.mcp_server.REMINDER_SECONDS", 0.05)
    gate = GatedDetector()
    told: list[tuple[float, str | None]] = []

    async def progress(number: float, _: float | None, message: str | None) -> None:
        told.append((number, message))
        if len(told) == 4:
            gate.go_on.set()

    async def talk() -> str:
        async with Client(make(detector=gate).server, mode="legacy") as client:
            await opened(client)
            return text_of(await client.call_tool("ground", {"phrases": ["red"]}, progress_callback=progress))

    assert within(60, talk).startswith("2 red: m1 m2")
    assert [message for _, message in told][:4] == ["looking for red"] * 4
    assert [number for number, _ in told] == sorted({number for number, _ in told})


def test_calls_of_one_session_run_in_the_order_they_came(make: Make, memory: Memory) -> None:
    async def talk() -> str:
        async with Client(make().server, mode="legacy") as client:
            conversation = await opened(client)
            orders = [{"phrases": [colour]} for colour in ("red", "blue", "red", "blue", "red")]
            await asyncio.gather(*(client.call_tool("count", order) for order in orders))
            return conversation

    made = [call for turn in memory.history(within(60, talk)) for call in turn.calls][1:]
    assert [call.arguments["phrases"][0] for call in made] == ["red", "blue", "red", "blue", "red"]


class Boxes:
    """Outlines the whole box, which is quick on a large picture."""

    def segment(self, requests: Any) -> list[list[Segments]]:
        return [[self._one(request.picture, prompt.box) for prompt in request.prompts] for request in requests]

    def _one(self, picture: Any, box: Any) -> Segments:
        x0, y0, x1, y1 = (int(side) for side in box)
        mask = Mask.from_crop(np.ones((y1 - y0, x1 - x0), bool), x0, y0, picture.height, picture.width)
        return Segments([mask], np.ones(1, np.float32), np.ones(1, np.float32))


def test_30_megapixels_with_hundreds_of_objects_overflow_no_result(make: Make, shelves: Path) -> None:
    Image.new("RGB", (6000, 5000), "white").save(shelves / "large.png")
    corners = [(x, y) for y in range(100, 4900, 200) for x in range(100, 5900, 200)]
    answers = {"a long phrase with många ord": [((x, y, x + 150, y + 150), 0.9) for x, y in corners]}

    async def talk() -> dict[str, Any]:
        async with Client(make(detector=FakeDetector(answers), segmenter=Boxes()).server, mode="legacy") as client:
            await client.call_tool("open_picture", {"source": "large.png"})
            calls = {"count": {"phrases": list(answers)}, "recall": {}, "explain": {}, "show": {}, "find_similar": {},
                     "select": {"where": {"side": "left"}}, "undo": {}}  # fmt: skip
            results = {name: await client.call_tool(name, arguments) for name, arguments in calls.items()}
            page = await client.list_resources()
            results["pages"] = [
                len(page.resources),
                len((await client.list_resources(cursor=page.next_cursor)).resources),
            ]
            results["preview"] = await client.read_resource(page.resources[0].uri)
            results["mask"] = await client.read_resource(page.resources[2].uri)
            return results

    results = within(200, talk)
    assert results["count"].structured_content["counts"].popitem()[1]["n"] == len(corners) == 696
    assert results["count"].structured_content["left_out"]["objects"] > 600
    assert results.pop("pages") == [100, 100]
    preview = base64.b64decode(results.pop("preview").contents[0].blob)
    assert max(Image.open(BytesIO(preview)).size) == 768
    shown = results["show"].content[1].data
    assert max(len(preview), len(shown)) < 1_000_000, "hosts refuse replies of more than a megabyte"
    mask = base64.b64decode(results.pop("mask").contents[0].blob)
    assert Image.open(BytesIO(mask)).size == (6000, 5000)
    assert len(mask) < 100_000
    for result in results.values():
        assert not result.is_error
        assert "conversation" in result.structured_content
        assert text_of(result)
        assert len(json.dumps(result.structured_content)) < 4 * FIELD_BYTES


@pytest.mark.parametrize("text", ["short", "ü" * 9000, "word " * 2000])
def test_bounded_text_fits_and_says_that_it_was_cut(text: str) -> None:
    short = bounded(text)
    assert len(short.encode()) <= TEXT_BYTES
    assert short == text or short.endswith(" ... (cut)")


def test_data_holds_addresses_for_masks_and_says_what_was_left_out() -> None:
    many = [f"m{number}" for number in range(9000)]
    counts = {"orange": {"n": 9000, "low": 1, "high": 9000, "borderline": many, "saturated": True}}
    things = [{"handle": "m1", "mask": {"counts": "x"}}, {"handle": "m2", "mask": None}]
    data = data_of("c" * 32, {"objects": things, "counts": counts, "selection": many, "total": 2})
    assert [thing["mask"] for thing in data["objects"]] == [f"askmask://{'c' * 32}/m1.png", None]
    doubtful = data["counts"]["orange"].pop("borderline")
    assert data["counts"]["orange"] == {"n": 9000, "low": 1, "high": 9000, "saturated": True}
    assert data["left_out"] == {"counts": 9000 - len(doubtful), "selection": 9000 - len(data["selection"])}
    assert doubtful == many[: len(doubtful)]
    assert data["total"] == 2
    assert len(json.dumps(data)) < 3 * FIELD_BYTES


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [("origin", "https://evil.example", 403), ("host", "evil.example", 421), ("origin", "http://localhost:5173", 200)],
)
def test_http_checks_where_a_request_comes_from(make: Make, header: str, value: str, status: int) -> None:
    with listening(make()) as url:
        assert _initialize(url, {header: value}).status_code == status


@pytest.mark.parametrize(("given", "status"), [(None, 401), ("Bearer wrong", 401), ("Bearer sixteen-letters-", 200)])
def test_http_wants_the_token_where_one_is_set(
    make: Make, monkeypatch: pytest.MonkeyPatch, given: str | None, status: int
) -> None:
    monkeypatch.setenv("ASKMASK_MCP_TOKEN", "sixteen-letters-")
    settings.cache_clear()
    with listening(make(), "0.0.0.0") as url:
        assert _initialize(url, {"authorization": given} if given else {}).status_code == status


def _initialize(url: str, headers: dict[str, str]) -> httpx.Response:
    accept = {"accept": "application/json, text/event-stream"}
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    return httpx.post(url, json=message, headers={**accept, **headers}, trust_env=False)


@pytest.mark.parametrize(("token", "words"), [(None, "is not set"), ("short", r"\(hidden\) is short")])
def test_http_beyond_this_machine_without_a_good_token_is_refused(
    make: Make, monkeypatch: pytest.MonkeyPatch, token: str | None, words: str
) -> None:
    if token is not None:
        monkeypatch.setenv("ASKMASK_MCP_TOKEN", token)
    settings.cache_clear()
    with pytest.raises(ConfigError, match=f"ASKMASK_MCP_TOKEN={words if token else '.*' + words}"):
        http_app(make(), "0.0.0.0")


def test_http_on_a_port_that_is_taken_is_refused(make: Make) -> None:
    with listening(make()) as url, pytest.raises(ConfigError, match="cannot be listened on"):
        serve_http(make(), port=int(url.split(":")[2].split("/")[0]))


@pytest.mark.parametrize(
    ("block", "command", "code", "words"),
    [
        (True, ["mcp"], 1, 'Run: pip install "askmask[mcp]"'),
        (True, ["--help"], 0, ""),
        (False, ["mcp", "no-such-folder"], 1, "FOLDER=no-such-folder is no folder"),
        (False, ["mcp", "--conversation", "0" * 32, "--http"], 2, "--conversation is for one client"),
        (False, ["mcp", "--conversation", "0" * 32], 1, "conversation="),
    ],
)
def test_command_says_what_is_wrong(
    own_data_folder: Path, block: bool, command: list[str], code: int, words: str
) -> None:
    script = (
        f"import sys\nif {block}: sys.modules['mcp'] = None\nfrom workflows.cli import main\nsys.exit(main({command}))"
    )
    environment = {**os.environ, "ASKMASK_DATA_DIR": str(own_data_folder)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_library_and_help_do_not_load_the_protocol() -> None:
    script = (
        "import sys, agent_tools\nfrom agent_tools import VisionToolkit\nfrom workflows.cli import main\n"
        "main(['--help'])\nprint('mcp' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"
