"""The HTTP front and the client, over models of this process: nothing here needs Ray."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from agent_tools.errors import BusyError, ConfigError, OutOfMemoryError, PictureError, ServiceError, ToolInputError
from agent_tools.masks import Mask
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, SegmentRequest
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_detector, build_segmenter
from agent_tools.services.fakes import COLOURS, FakeDetector
from agent_tools.services.tiling import tile
from tests.model_servers import LocalModels, front_server, need

KEY = "a-key-of-some-length"


def squares(seed: int = 0) -> Picture:
    """Two squares on grey, red and blue."""
    array = np.full((40, 60, 3), COLOURS["gray"], np.uint8)
    array[5 + seed : 15 + seed, 5:15] = COLOURS["red"]
    array[20:35, 30:50] = COLOURS["blue"]
    return Picture.from_array(array)


def box(*sides: float) -> Prompt:
    return Prompt(box=np.array(sides, np.float32))


@pytest.fixture
def models() -> LocalModels:
    return LocalModels()


@pytest.fixture
def address(models: LocalModels) -> Iterator[str]:
    with front_server(models) as at:
        yield at


def detector_at(address: str) -> Any:
    return build_detector(address, "auto", EncodingCache(0))


def segmenter_at(address: str) -> Any:
    return build_segmenter(address, "auto", EncodingCache(0))


def test_picture_asked_about_twice_crosses_the_network_once(models: LocalModels, address: str) -> None:
    detector, picture = detector_at(address), squares()
    first, second = detector.detect([picture], [["red"]]), detector.detect([picture], [["blue"]])
    assert first[0].boxes.tolist() == [[5, 5, 15, 15]]
    assert second[0].boxes.tolist() == [[30, 20, 50, 35]]
    figures = httpx.get(f"{address}/metrics").text
    assert 'askmask_requests_total{task="pictures",status="200"} 1\n' in figures
    assert [given for _, _, given in models.asked] == [False, False, True, False]


def test_model_that_lost_its_pictures_is_given_them_by_the_front(models: LocalModels, address: str) -> None:
    segmenter, picture = segmenter_at(address), squares()
    request = SegmentRequest(picture, [box(4, 4, 16, 16)])
    before = segmenter.segment([request])
    models.restart("segmenter")
    assert segmenter.segment([request]) == before
    figures = httpx.get(f"{address}/metrics").text
    assert 'askmask_requests_total{task="pictures",status="200"} 1\n' in figures
    assert 'askmask_pictures_sent_total{role="segmenter"} 2\n' in figures


def test_front_that_lost_a_picture_is_sent_it_again() -> None:
    with front_server(LocalModels(), served_pictures_megabytes=1e-9) as address:
        detector = detector_at(address)
        for seed in (0, 1, 0, 1):
            assert detector.detect([squares(seed)], [["red"]])[0].boxes.tolist() == [[5, 5 + seed, 15, 15 + seed]]


def test_part_of_a_picture_goes_under_the_digest_of_its_own_pixels(address: str) -> None:
    part = tile(squares(), (25, 15, 60, 40))
    (found,) = detector_at(address).detect([part], [["blue"]])
    assert found.boxes.tolist() == [[5, 5, 25, 20]]


def test_forgotten_picture_is_gone_from_front_and_models(models: LocalModels, address: str) -> None:
    detector, picture = detector_at(address), squares()
    detector.detect([picture], [["red"]])
    detector.forget(picture.digest)
    assert models.hosts["detector"].figures().pictures == 0
    asked = httpx.post(f"{address}/v1/detect", json={"picture": picture.digest, "phrases": ["red"]})
    assert asked.status_code == 404
    assert asked.json()["error"]["type"] == "UnknownPictureError"


def test_detector_of_a_server_has_what_it_has_there(tmp_path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from agent_tools.services.fakes import FakeDetector, FakeSegmenter\n"
        "from agent_tools.services.checkpoints import LikenessSettings\n"
        "import numpy as np\n"
        "class Detector(FakeDetector):\n"
        "    propose = None\n"
        "    precision_curve, nouns = np.array([[0.25, 0.5], [0.5, 0.75]]), ('apple', 'pear')\n"
        "    likeness = LikenessSettings(bias=0.125)\n"
        "class Segmenter(FakeSegmenter):\n"
        "    least_iou, zoom, input_side = 0.5, 0.75, 256\n"
    )
    with front_server(LocalModels(detector=f"{path}:Detector", segmenter=f"{path}:Segmenter")) as address:
        detector, segmenter = detector_at(address), segmenter_at(address)
    assert detector.precision_curve == ((0.25, 0.5), (0.5, 0.75))
    assert detector.nouns == ("apple", "pear")
    assert detector.likeness.bias == 0.125
    assert not hasattr(detector, "propose")
    assert (segmenter.least_iou, segmenter.zoom, segmenter.input_side) == (0.5, 0.75, 256)
    assert not hasattr(segmenter, "least_stability")


def test_unknown_phrases_and_saturation_cross_the_network(tmp_path) -> None:
    path = tmp_path / "own.py"
    path.write_text(
        "from agent_tools.services.base import Detections\n"
        "class Detector:\n"
        "    threshold = 0.5\n"
        "    def detect(self, pictures, phrases):\n"
        "        return [Detections.none({1: 'has no word for unicorn'}) for _ in pictures]\n"
    )
    with front_server(LocalModels(detector=f"{path}:Detector")) as address:
        (found,) = detector_at(address).detect([squares()], [["red", "unicorn"]])
    assert dict(found.unknown) == {1: "has no word for unicorn"}
    assert found.boxes.shape == (0, 4)


@pytest.mark.parametrize("error", [ToolInputError, PictureError, ServiceError, OutOfMemoryError, ConfigError])
def test_error_of_a_model_keeps_its_type_and_its_words(error: type[Exception], tmp_path) -> None:
    path = tmp_path / f"own_{error.__name__}.py"
    path.write_text(
        f"from agent_tools.errors import {error.__name__}\n"
        "class Segmenter:\n"
        "    def segment(self, requests):\n"
        f"        raise {error.__name__}('points=3 are too few: expected 4. Add one.')\n"
    )
    with front_server(LocalModels(segmenter=f"{path}:Segmenter")) as address:
        segmenter = segmenter_at(address)
        with pytest.raises(error, match=r"^points=3 are too few: expected 4\. Add one\.$") as raised:
            segmenter.segment([SegmentRequest(squares(), [box(1, 1, 9, 9)])])
    assert type(raised.value) is error


def test_busy_server_is_asked_again_when_it_said(models: LocalModels, address: str, monkeypatch) -> None:
    from agent_tools.services import remote
    from agent_tools.services.serving.host import Reply

    waited: list[float] = []
    monkeypatch.setattr(remote.time, "sleep", waited.append)
    detector = detector_at(address)
    models.failures = [Reply.failed(BusyError("detector= is busy: expected room. Try again in 7 s.", 7))] * 2
    assert len(detector.detect([squares()], [["red"]])[0].scores) == 1
    assert len(waited) == 2
    assert all(7 <= seconds < 8 for seconds in waited)


def test_server_that_stays_busy_is_an_error_that_says_when(models: LocalModels, address: str, monkeypatch) -> None:
    from agent_tools.services import remote
    from agent_tools.services.serving.host import Reply

    monkeypatch.setattr(remote.time, "sleep", lambda _: None)
    detector = detector_at(address)
    models.failures = [Reply.failed(BusyError("detector= is busy: expected room. Try again in 7 s.", 7))] * 100
    with pytest.raises(BusyError, match="Try again in 7 s") as raised:
        detector.detect([squares()], [["red"]])
    assert raised.value.retry_after == 7


def test_server_that_is_not_there_says_how_to_start_one() -> None:
    with pytest.raises(ServiceError, match=r"1:9 cannot be reached .* askmask serve, or use --models demo\."):
        detector_at("http://127.0.0.1:9")


@pytest.mark.parametrize(
    "typed", ["http://", "http://me:secret-word@127.0.0.1:1", "http://h:1?x=1", "http://[", "http://h:0"]
)
def test_address_that_is_none_is_refused_without_its_secrets(typed: str) -> None:
    with pytest.raises(ConfigError, match="is not an address: expected http://host:port") as raised:
        detector_at(typed)
    assert "secret-word" not in str(raised.value)


def test_stranger_at_the_address_is_named(monkeypatch) -> None:
    from agent_tools.services import remote

    answer = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>hello"))
    plain = httpx.Client
    monkeypatch.setattr(remote.httpx, "Client", lambda **options: plain(**{**options, "transport": answer}))
    with pytest.raises(ServiceError, match="answered 200 '<html>hello': expected a model server of this version"):
        detector_at("http://127.0.0.1:8000")


def test_keys_are_wanted_everywhere_but_where_health_is_asked(models: LocalModels, monkeypatch) -> None:
    from agent_tools.settings import settings

    with front_server(models, keys=["other-key-of-length", KEY]) as address:
        for path in ("/v1/models", "/metrics", "/openapi.json", "/v1/nothing"):
            assert httpx.get(address + path).status_code == 401, path
            assert httpx.get(address + path, headers={"Authorization": f"Bearer {KEY}x"}).status_code == 401
            assert httpx.get(address + path, headers={"Authorization": f"Bearer {KEY}"}).status_code in (200, 404)
        assert httpx.get(f"{address}/healthz").text == "ok\n"
        assert httpx.get(f"{address}/readyz").text == "ok\n"
        with pytest.raises(ConfigError, match=r"refused \(401\): expected one of its keys\. Set ASKMASK_SERVE_KEY"):
            detector_at(address)
        monkeypatch.setenv("ASKMASK_SERVE_KEY", KEY)
        settings.cache_clear()
        assert detector_at(address).threshold == 0.5


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example"}, 403),
    ],
)
def test_local_server_answers_no_web_page_of_elsewhere(address: str, headers: dict[str, str], status: int) -> None:
    assert httpx.get(f"{address}/v1/models", headers=headers).status_code == status


def png(picture: Picture) -> tuple[str, bytes]:
    return hashlib.sha256(picture.original).hexdigest(), picture.original


def test_upload_of_other_bytes_than_announced_is_refused(address: str) -> None:
    digest, data = png(squares())
    refused = httpx.put(f"{address}/v1/pictures/{digest}", content=data + b"x")
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "PictureError")
    assert httpx.put(f"{address}/v1/pictures/{digest}", content=data).json() == {
        "digest": digest,
        "width": 60,
        "height": 40,
    }


def test_upload_that_is_no_picture_is_refused(address: str) -> None:
    data = b"not a picture"
    refused = httpx.put(f"{address}/v1/pictures/{hashlib.sha256(data).hexdigest()}", content=data)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "PictureError")


@pytest.mark.parametrize("told", [True, False])
def test_upload_beyond_the_limit_is_refused_whatever_it_says_of_its_length(models: LocalModels, told: bool) -> None:
    digest, _ = png(squares())
    data = b"x" * 200_000
    with front_server(models, max_file_megabytes=0.1) as address:
        for path, method in ((f"/v1/pictures/{digest}", "PUT"), ("/v1/detect", "POST")):
            headers = {"Content-Type": "application/json"}
            content = data if told else iter([data[:50_000]] * 4)
            refused = httpx.request(method, address + path, content=content, headers=headers)
            assert (refused.status_code, refused.json()["error"]["type"]) == (413, "PictureError"), path


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("detect", {"picture": "0" * 64}, "phrases"),
        ("detect", {"picture": "../../etc", "phrases": []}, "picture"),
        ("detect", {"picture": "0" * 64, "phrases": ["a"] * 1001}, "phrases"),
        ("segment", {"picture": "0" * 64, "prompts": [{"box": [1, 2, 3]}]}, "prompts.0.box"),
        ("segment", {"picture": "0" * 64, "prompts": [{"points": [[1, 2]], "labels": [7]}]}, "prompts.0.labels.0"),
        ("segment", {"picture": "0" * 64, "prompts": [], "model": "other"}, "model"),
    ],
)
def test_misshapen_question_names_the_part_that_is_wrong(address: str, path: str, body: Any, named: str) -> None:
    refused = httpx.post(f"{address}/v1/{path}", json=body)
    told = refused.json()["error"]
    assert (refused.status_code, told["type"]) == (400, "ToolInputError")
    assert told["message"].startswith(f"{named}")


def test_mask_prompt_of_another_size_is_refused_before_it_is_unpacked(models: LocalModels, address: str) -> None:
    picture = squares()
    huge = {"size": [2_000_000, 2_000_000], "counts": Mask.from_array(np.ones((4, 4))).to_coco()["counts"]}
    digest, data = png(picture)
    httpx.put(f"{address}/v1/pictures/{digest}", content=data)
    refused = httpx.post(f"{address}/v1/segment", json={"picture": digest, "prompts": [{"mask": huge}]})
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "ToolInputError")
    assert "differs from the picture: expected [40, 60]" in refused.json()["error"]["message"]


def test_answers_come_back_bit_for_bit(address: str) -> None:
    picture = squares()
    here, there = FakeDetector(), detector_at(address)
    local, remote = here.propose([picture])[0], there.propose([picture])[0]
    np.testing.assert_array_equal(local.features, remote.features)
    np.testing.assert_array_equal(local.boxes, remote.boxes)
    np.testing.assert_array_equal(
        here.detect([picture], [["red"]])[0].scores, there.detect([picture], [["red"]])[0].scores
    )


def test_openapi_tells_of_every_path(address: str) -> None:
    paths = httpx.get(f"{address}/openapi.json").json()["paths"]
    assert set(paths) == {
        "/v1/pictures/{digest}",
        *("/v1/detect", "/v1/propose", "/v1/segment", "/v1/models"),
        *("/healthz", "/readyz", "/metrics"),
    }


def test_metrics_are_what_prometheus_reads(models: LocalModels, address: str) -> None:
    need("prometheus_client", "reading metrics")
    from prometheus_client.parser import text_string_to_metric_families

    detector_at(address).detect([squares()], [["red"]])
    families = {each.name: each for each in text_string_to_metric_families(httpx.get(f"{address}/metrics").text)}
    asked = {(row.labels["task"], row.labels["status"]): row.value for row in families["askmask_requests"].samples}
    assert asked == {("models", "200"): 1, ("detect", "404"): 1, ("pictures", "200"): 1, ("detect", "200"): 1}
    counts = {
        row.labels["task"]: row.value for row in families["askmask_request_seconds"].samples if "le" in row.labels
    }
    assert counts == {"models": 1, "detect": 2, "pictures": 1}  # the last bucket of each, +Inf
    answers = {row.labels["role"]: row.value for row in families["askmask_model_answers"].samples}
    assert answers == {"detector": 3, "segmenter": 0}
