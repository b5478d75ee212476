"""`askmask serve` as people run it: a process with Ray, Serve and replicas in it."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from agent_tools.pictures import Picture
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_segmenter
from agent_tools.services.presets import load_services
from agent_tools.toolkit import VisionToolkit
from tests.model_servers import ray_server, wait_until

pytestmark = pytest.mark.slow
KEY = "a-key-of-some-length"
MODELS = """
import time
from agent_tools.services.fakes import FakeDetector, FakeSegmenter

class Detector(FakeDetector):
    def detect(self, pictures, phrases):
        time.sleep(1.5 * ("slow" in phrases[0]))
        return super().detect(pictures, phrases)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A server of models that are quick to start: two segmenters, a detector that is slow when told, one may wait."""
    models = tmp_path_factory.mktemp("models") / "own.py"
    models.write_text(MODELS)
    arguments = ("--detector", f"{models}:Detector", "--segmenter", f"{models}:FakeSegmenter")
    with ray_server(*arguments, "--segmenter-replicas", "2", "--queue", "1", ASKMASK_SERVE_KEYS=KEY) as started:
        yield started


@pytest.fixture
def client(server: tuple[str, subprocess.Popen[str]]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server[0], headers={"Authorization": f"Bearer {KEY}"}, timeout=60) as asking:
        yield asking


def picture(seed: int) -> Picture:
    return Picture.from_array(np.random.default_rng(seed).integers(0, 255, (20, 30, 3), np.uint8))


def uploaded(client: httpx.Client, seed: int) -> str:
    data = picture(seed).original
    digest = hashlib.sha256(data).hexdigest()
    assert client.put(f"/v1/pictures/{digest}", content=data).status_code == 200
    return digest


def click(client: httpx.Client, digest: str) -> str:
    """Which replica answers a click on a picture."""
    prompts = [{"points": [[3, 4]], "labels": [1]}]
    answer = client.post("/v1/segment", json={"picture": digest, "prompts": prompts})
    assert answer.status_code == 200, answer.text
    return answer.headers["X-Askmask-Replica"]


def sent(client: httpx.Client, role: str) -> int:
    """How often a model of a role was given a picture that it did not have."""
    found = re.search(rf'askmask_pictures_sent_total{{role="{role}"}} (\d+)', client.get("/metrics").text)
    return int(found[1]) if found else 0


def answered(client: httpx.Client, role: str) -> int:
    rows = re.findall(rf'askmask_model_answers_total{{role="{role}",\S+}} (\d+)', client.get("/metrics").text)
    return sum(map(int, rows))


def test_without_the_key_nothing_is_answered(client: httpx.Client) -> None:
    assert httpx.get(client.base_url.join("/v1/models")).status_code == 401
    assert httpx.get(client.base_url.join("/readyz")).status_code == 200


def test_clicks_go_to_the_replica_that_has_the_picture_and_to_another_when_it_dies(client: httpx.Client) -> None:
    digests = [uploaded(client, seed) for seed in range(8)]
    before = {digest: click(client, digest) for digest in digests}
    assert len(set(before.values())) == 2
    given = sent(client, "segmenter")
    assert [click(client, digest) for digest in digests * 3] == [before[digest] for digest in digests * 3]
    assert sent(client, "segmenter") == given

    dead = before[digests[0]]
    os.kill(int(dead.rpartition("/")[2]), signal.SIGKILL)
    after = {digest: click(client, digest) for digest in digests}
    assert dead not in after.values()
    stayed = [digest for digest in digests if before[digest] != dead]
    assert stayed
    assert all(after[digest] == before[digest] for digest in stayed)
    assert sent(client, "segmenter") == given + len(digests) - len(stayed)
    wait_until(lambda: len({click(client, uploaded(client, seed)) for seed in range(20)}) == 2, 120, "a new replica")


def test_more_than_may_wait_is_told_when_to_try_again(
    client: httpx.Client,
) -> None:
    digest = uploaded(client, 1)
    question = {"picture": digest, "phrases": ["slow"]}
    assert client.post("/v1/detect", json={"picture": digest, "phrases": ["red"]}).status_code == 200
    before = answered(client, "detector")
    with ThreadPoolExecutor(24) as threads:
        replies = list(threads.map(lambda _: client.post("/v1/detect", json=question), range(24)))
    good = [reply for reply in replies if reply.status_code == 200]
    busy = [reply for reply in replies if reply.status_code == 503]
    assert len(good) + len(busy) == 24
    assert len(good) >= 8
    assert busy
    for reply in busy:
        assert reply.json()["error"]["type"] == "BusyError"
        assert 1 <= int(reply.headers["Retry-After"]) <= 30
    assert answered(client, "detector") == before + len(good)


def test_question_that_is_given_up_while_it_waits_never_reaches_the_model(client: httpx.Client) -> None:
    digest = uploaded(client, 1)
    question = {"picture": digest, "phrases": ["slow"]}
    client.post("/v1/detect", json={"picture": digest, "phrases": ["red"]})
    before = answered(client, "detector")
    with ThreadPoolExecutor(8) as threads:
        running = []
        for _ in range(8):  # one after the other: of those that come at once, only one may wait to be sent on
            running.append(threads.submit(client.post, "/v1/detect", json=question))
            time.sleep(0.05)
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/detect", json=question, timeout=0.3)
        assert [each.result().status_code for each in running] == [200] * 8
    assert client.post("/v1/detect", json={"picture": digest, "phrases": ["red"]}).status_code == 200
    assert answered(client, "detector") == before + 9


def test_client_goes_on_while_replicas_die(server: tuple[str, subprocess.Popen[str]], client, monkeypatch) -> None:
    from agent_tools.services.base import Prompt, SegmentRequest
    from agent_tools.settings import settings

    monkeypatch.setenv("ASKMASK_SERVE_KEY", KEY)
    settings.cache_clear()
    segmenter = build_segmenter(server[0], "auto", EncodingCache(0))
    prompt = Prompt(box=np.array([2, 2, 9, 9], np.float32))
    victim = int(click(client, uploaded(client, 0)).rpartition("/")[2])
    requests = [SegmentRequest(picture(seed), [prompt]) for seed in range(40)]
    killer = threading.Timer(0.2, os.kill, (victim, signal.SIGKILL))
    killer.start()
    answers = segmenter.segment(requests)
    killer.join()
    assert [len(each) for each in answers] == [1] * 40


def test_ask_of_a_server_answers_as_the_same_models_here(demo_server: str, tmp_path: Path) -> None:
    from agent_tools.memory import Memory

    shown = Path(__file__).parents[3] / "docs" / "demo.jpg"
    told = []
    for preset in ("demo", demo_server):
        # The name of the detector stands in what is said; all else has to be the same.
        services = replace(load_services(preset, device="cpu"), detector_name="demo", segmenter_name="demo")
        with Memory(tmp_path / str(len(told))) as memory:
            toolkit = VisionToolkit(services=services, memory=memory)
            toolkit.open_picture(shown)
            counted = toolkit.call("count", {"phrases": ["orange", "unicorn"]})
            everything = toolkit.call("segment", {"mode": "everything"})
            alike = toolkit.call("find_similar", {"handles": counted.data["objects"][0]["handle"]})
            told.append([(each.text, each.data) for each in (counted, everything, alike)])
    assert told[0] == told[1]
