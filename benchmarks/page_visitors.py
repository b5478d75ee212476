"""Many visitors of the page at once, each with a picture and a conversation: nothing lost, nothing mixed up.

    python -m benchmarks.page_visitors [--visitors N] [--rounds N] [--json]

Everybody opens a rendered crate on the real page (`askmask web`, bundled models, on loopback) and takes ten turns:
counts, takes things away, undoes, edits. They speak to the server as a browser does, through Gradio's queue. "lost" are
turns without an answer, "mixed up" answers that show another conversation, picture or number of things than the same
visitor's memory afterwards. Rounds after the first tell whether memory stays flat: each brings as many new visitors.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from agent_tools.pictures import Picture
from benchmarks.servers import running_server
from workflows.web.examples import picture_of

ORANGES = 8
"""In the crate."""
_TIMEOUT = httpx.Timeout(300)


@dataclass
class Visit:
    """What came of one visitor's turns."""

    seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)


class Browser:
    """As much of a browser as the page needs: a cookie, Gradio's queue, our uploads."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=address, timeout=_TIMEOUT, follow_redirects=True)
        self.session = uuid.uuid4().hex[:12]
        events = self.client.get("config").json()["dependencies"]
        self.functions = {target[1]: event["id"] for event in events for target in event["targets"]}
        self.conversation = self.picture = ""

    def open(self, picture: Picture) -> None:
        """Send a picture."""
        told = self.client.post("pictures", params={"name": picture.name}, content=picture.original)
        told.raise_for_status()
        self.conversation, self.picture = told.json()["conversation"], told.json()["handle"]

    def ask(self, words: str) -> dict[str, Any]:
        """Send a sentence; what the page shows then."""
        attached: dict[str, Any] = {"conversation": self.conversation, "picture": self.picture, "pins": []}
        return self._send("submit", [words, json.dumps(attached)])

    def act(self, **deed: Any) -> dict[str, Any]:
        """Do something by hand; what the page shows then."""
        return self._send("act", [], {"conversation": self.conversation, "picture": self.picture, "deed": deed})

    def load(self) -> dict[str, Any]:
        """Load the page anew, by the cookie; what it shows."""
        return self._send("load", [])

    def _send(self, event: str, data: list[Any], event_data: Any = None) -> dict[str, Any]:
        function = self.functions[event]
        body = {"data": data, "event_data": event_data, "fn_index": function, "session_hash": self.session}
        joined = self.client.post("gradio_api/queue/join", json=body)
        joined.raise_for_status()
        mine, shown = joined.json()["event_id"], {}
        with self.client.stream("GET", "gradio_api/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                told = json.loads(line[5:]) if line.startswith("data:") else {}
                if told.get("event_id") != mine:
                    continue
                values = (told.get("output") or {}).get("data") or []
                if values and isinstance(values[0], dict) and "conversation" in values[0]:
                    shown = values[0]
                if told["msg"] == "process_completed":
                    break
        if not shown or shown.get("trouble"):
            raise RuntimeError(f"{event}: {shown.get('trouble') or 'no answer'}")
        return shown


def picture_for(number: int) -> Picture:
    """A crate of oranges with a strip of a colour of its own: as many oranges for everybody, and no picture twice."""
    pixels = picture_of(0).array.copy()
    pixels[-6:] = number % 256, number // 256, 128
    return Picture.from_array(pixels, f"crate-{number}.png")


def visit(address: str, number: int) -> Visit:
    """Ten turns of one visitor."""
    been, browser, picture = Visit(), Browser(address), picture_for(number)
    browser.open(picture)
    mine = f"m{number % ORANGES + 1}"
    turns: list[tuple[Callable[[], dict[str, Any]], int | None]] = [
        (lambda: browser.ask("count the oranges"), ORANGES),
        (lambda: browser.act(do="select", handles=[mine], combine="subtract"), ORANGES - 1),
        (lambda: browser.act(do="undo"), ORANGES),
        (lambda: browser.act(do="redo"), ORANGES - 1),
        (lambda: browser.ask("blur the rest"), ORANGES - 1),
        (lambda: browser.ask("only the top row"), None),
        (lambda: browser.act(do="undo"), ORANGES - 1),
        (lambda: browser.act(do="select", handles=[mine], combine="add"), ORANGES),
        (lambda: browser.act(do="edit", action="grayscale", target="rest"), ORANGES),
        (browser.load, ORANGES),
    ]
    for act, expected in turns:
        began = time.perf_counter()
        try:
            shown = act()
        except (httpx.HTTPError, RuntimeError) as error:
            been.lost.append(str(error))
            continue
        been.seconds.append(time.perf_counter() - began)
        marked = sum(one["marked"] for one in shown["objects"])
        own = shown["conversation"] == browser.conversation and shown["picture"]["name"] == picture.name
        if not own or (expected is not None and marked != expected):
            been.mixed.append(f"{shown['picture']['name']}: {marked} marked, not {expected}")
    return been


def measure(visitors: int = 20, rounds: int = 3) -> dict[str, Any]:
    """Lost and mixed-up turns of all rounds, seconds a turn, and the server's memory after each round."""
    with (
        tempfile.TemporaryDirectory(prefix="askmask-") as folder,
        running_server("web", "--no-browser", "--models", "demo", ASKMASK_DATA_DIR=folder) as (address, process),
        ThreadPoolExecutor(visitors) as pool,
    ):
        been, megabytes = list[Visit](), list[int]()
        for number in range(rounds):
            been += list(pool.map(lambda each: visit(address, each), range(number * visitors, (number + 1) * visitors)))
            megabytes.append(_megabytes(process.pid))
    seconds = [each for one in been for each in one.seconds]
    return {
        "visitors": visitors,
        "turns": len(seconds),
        "lost": [each for one in been for each in one.lost],
        "mixed_up": [each for one in been for each in one.mixed],
        "seconds": {"median": round(statistics.median(seconds), 3), "worst": round(max(seconds), 3)},
        "megabytes": megabytes,
        "growth": round(megabytes[-1] / megabytes[0], 3),
    }


def _megabytes(process: int) -> int:
    """What a process holds in memory, on Linux."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def main() -> None:
    """Print what `measure` finds; exit code 1 where anything is lost or mixed up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.visitors, options.rounds)
    if options.json:
        print(json.dumps(found))
    else:
        print(f"{found['visitors']} visitors at once, {found['turns']} turns in {options.rounds} rounds")
        print(f"lost {len(found['lost'])}, mixed up {len(found['mixed_up'])}")
        print(f"a turn: median {found['seconds']['median']} s, worst {found['seconds']['worst']} s")
        print(f"memory after each round: {found['megabytes']} MB, growth {found['growth']}")
    raise SystemExit(1 if found["lost"] or found["mixed_up"] else 0)


if __name__ == "__main__":
    main()
