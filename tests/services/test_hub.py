"""Fetching models, against a hub of our own on loopback that speaks the real one's HTTP."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agent_tools.errors import ConfigError, ServiceError
from agent_tools.services.checkpoints import cached, fetch, locate
from agent_tools.services.presets import PRESETS, default_preset, get_preset, is_fetched, load_services

COMMIT = "c" * 40


class Hub(ThreadingHTTPServer):
    """Serves folders as repositories.

    Attributes:
        folders: hub id → folder.
        gated: ids that want an agreement first.
        failing: file names that break off half-way.
        fetched: paths of the files whose bytes were asked for.
    """

    def __init__(self, folders: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folders = folders
        self.gated: set[str] = set()
        self.failing: set[str] = set()
        self.fetched: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)((?:/revision|/tree)?)(?:/[^/]+)?", path):
            self.tell(match[1], match[2])
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            self.give(match[1], match[2])
        else:
            self.send_error(404)

    def tell(self, hub_id: str, what: str) -> None:
        """Answer a question about a repository in JSON."""
        if hub_id not in self.server.folders or hub_id in self.server.gated:
            gated = hub_id in self.server.gated
            self.send_response(403 if gated else 404)
            self.send_header("X-Error-Code", "GatedRepo" if gated else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        files = [path for path in self.server.folders[hub_id].iterdir() if path.is_file()]
        if what == "/tree":
            answer: object = [
                {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": tag(path)} for path in files
            ]
        else:
            answer = {"id": hub_id, "sha": COMMIT, "siblings": [{"rfilename": path.name} for path in files]}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def give(self, hub_id: str, name: str) -> None:
        """Send a file's headers and, unless only they were asked for, its bytes."""
        path = self.server.folders[hub_id] / name
        data = path.read_bytes()
        begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if begin else 200)
        self.send_header("ETag", f'"{tag(path)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        if self.command == "GET" and name in self.server.failing:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command == "GET":
            self.server.fetched.append(f"{name}@{begin}")
            self.wfile.write(data[begin : begin + len(data) // 2] if name in self.server.failing else data[begin:])

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def tag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


@pytest.fixture
def hub(model_folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    folders = {}
    for role, source in (("detector", "grounding-dino"), ("segmenter", "sam")):
        folders[getattr(PRESETS["fast"], role)] = shutil.copytree(model_folders[source], tmp_path / role)
        (tmp_path / role / "pytorch_model.bin").write_bytes(b"pickled")
    server = Hub(folders)
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_get_preset_fetches_what_is_needed_once_and_works_without_the_hub(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    told: list[str] = []
    get_preset("fast", told.append)
    names = {name.split("@")[0] for name in hub.fetched}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= names
    assert "pytorch_model.bin" not in names
    assert told == [
        "detector: google/owlv2-base-patch16-ensemble",
        "segmenter: Zigeng/SlimSAM-uniform-77",
        "models=fast is ready and now the default",
    ]
    assert capfd.readouterr().out == ""
    assert default_preset() == "fast"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    fetched = list(hub.fetched)
    assert load_services(device="cpu").preset == "fast"
    assert hub.fetched == fetched


def test_fetch_broken_off_is_not_taken_for_whole_and_goes_on(hub: Hub) -> None:
    hub_id = PRESETS["fast"].segmenter
    hub.failing = {"model.safetensors"}
    with pytest.raises(ServiceError, match="cannot be fetched"):
        fetch(hub_id, "segmenter")
    assert cached(hub_id) is None
    assert not is_fetched(PRESETS["fast"])
    hub.failing, hub.fetched = set(), []
    folder = locate(hub_id, "segmenter")
    assert (folder / "model.safetensors").read_bytes() == (hub.folders[hub_id] / "model.safetensors").read_bytes()
    assert {name.split("@")[0] for name in hub.fetched} == {"model.safetensors"}


@pytest.mark.parametrize("what", ["missing", "gated"])
def test_fetch_repository_not_for_us_says_so_and_names_the_demo(hub: Hub, what: str) -> None:
    hub_id = "someone/nothing" if what == "missing" else PRESETS["fast"].detector
    hub.gated = {PRESETS["fast"].detector}
    with pytest.raises(ServiceError, match=r"cannot be fetched \((Repository|Gated).*--models demo"):
        locate(hub_id, "detector")


def test_fetch_repository_of_pickles_is_refused(hub: Hub) -> None:
    hub_id = PRESETS["fast"].detector
    (hub.folders[hub_id] / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="Pickled weights can run code"):
        locate(hub_id, "detector")
    assert not any("bin" in name for name in hub.fetched)
