"""Choosing models: presets, folders, hub ids, factories, entry points; and what is said when one is not there."""

from __future__ import annotations

import copy
import json
import sys
import time
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ConfigError, ServiceError
from agent_tools.pictures import Picture
from agent_tools.services import checkpoints, factories, presets
from agent_tools.services.base import Detector, Prompt, Segmenter, SegmentRequest
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.services.presets import PRESETS, default_preset, find_preset, get_preset, list_presets, load_services
from agent_tools.settings import settings

FAKE_DETECTOR = "agent_tools.services.fakes:FakeDetector"
FAKE_SEGMENTER = "agent_tools.services.fakes:FakeSegmenter"


def written(folder: Path, text: str) -> Path:
    path = folder / "own_models.py"
    path.write_text(text)
    return path


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The hub is wanted, its cache is empty; the test session still blocks every socket."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_load_services_folders_give_models_and_their_names(model_folders: dict[str, Path]) -> None:
    detector, segmenter = str(model_folders["grounding-dino"]), str(model_folders["sam"])
    services = load_services(detector=detector, segmenter=segmenter, device="cpu")
    assert isinstance(services.detector, Detector)
    assert isinstance(services.segmenter, Segmenter)
    assert (services.preset, services.detector_name, services.segmenter_name) == ("custom", detector, segmenter)
    assert services.detector.threshold == 0.5


def test_load_services_seconds_count_each_model(model_folders: dict[str, Path]) -> None:
    services = load_services(detector=FAKE_DETECTOR, segmenter=str(model_folders["sam"]), device="cpu")
    assert services.seconds == {"detect": 0.0, "segment": 0.0}
    picture = Picture.from_array(np.zeros((20, 30, 3), np.uint8))
    services.detector.detect([picture], [["red box"]])
    assert services.seconds["detect"] > 0
    assert services.seconds["segment"] == 0
    prompt = Prompt(box=np.array([1, 1, 9, 9], np.float32))
    began = time.perf_counter()
    services.segmenter.segment([SegmentRequest(picture, [prompt])])
    assert 0 < services.segmenter.model_seconds < services.seconds["segment"] <= time.perf_counter() - began


def test_load_services_counted_factory_keeps_its_attributes() -> None:
    services = load_services(detector=FAKE_DETECTOR, segmenter=FAKE_SEGMENTER)
    services.detector.detect([Picture.from_array(np.zeros((5, 5, 3), np.uint8))], [["red"]])
    assert len(services.detector.calls) == 1
    services.detector.threshold = 0.25
    assert services.detector._inner.threshold == 0.25
    with pytest.raises(AttributeError):
        _ = services.segmenter.nothing
    assert isinstance(copy.copy(services.detector), Detector)


def test_load_services_both_models_share_one_bounded_cache(
    model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKMASK_ENCODING_CACHE_MEGABYTES", "0.5")
    services = load_services(detector=str(model_folders["grounding-dino"]), segmenter=str(model_folders["sam"]))
    assert services.detector._cache is services.segmenter._cache
    assert services.detector._cache.limit_bytes == 500_000


def test_load_services_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKMASK_DETECTOR", FAKE_DETECTOR)
    monkeypatch.setenv("ASKMASK_SEGMENTER", FAKE_SEGMENTER)
    assert load_services().detector_name == FAKE_DETECTOR


def test_load_services_file_factory_is_called(tmp_path: Path) -> None:
    path = written(
        tmp_path, "from agent_tools.services.fakes import *\ndef make(): return FakeDetector(threshold=0.75)\n"
    )
    services = load_services(detector=f"{path}:make", segmenter=FAKE_SEGMENTER)
    assert services.detector.threshold == 0.75


def test_load_services_entry_point_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint(name="mine", group="askmask.detectors", value=FAKE_DETECTOR)
    monkeypatch.setattr(factories, "entry_points", lambda **wanted: EntryPoints([entry]).select(**wanted))
    assert load_services(detector="mine", segmenter=FAKE_SEGMENTER).detector_name == "mine"
    with pytest.raises(ConfigError, match="installed: mine"):
        load_services(detector="yours", segmenter=FAKE_SEGMENTER)


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("def make(): return 3\n", "make", r"gave a int: expected an object with detect"),
        ("def make(): return None\n", "make", r"gave a NoneType: expected an object with detect"),
        ("class D:\n detect = 3\n threshold = 0.5\n", "D", r"expected an object with detect"),
        ("class D:\n threshold = 'high'\n def detect(self, a, b): ...\n", "D", r"threshold=high: expected a number"),
        (
            "class D:\n threshold = float('nan')\n def detect(self, a, b): ...\n",
            "D",
            r"threshold=nan: expected a number",
        ),
        ("def make(): raise KeyError('weights')\n", "make", r"failed when called \(KeyError: 'weights'\)"),
        ("def make(): return 3\n", "factory", r"has no function factory: expected one of make"),
        ("import a_module_that_is_not_installed\n", "make", r"cannot be imported \(ModuleNotFoundError"),
        ("def make(:\n", "make", r"cannot be imported \(SyntaxError"),
    ],
)
def test_load_services_factory_that_gives_no_detector_says_why(tmp_path: Path, text: str, name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_services(detector=f"{written(tmp_path, text)}:{name}", segmenter=FAKE_SEGMENTER)


def test_load_services_detector_as_segmenter_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"gave a FakeDetector: expected an object with segment"):
        load_services(detector=FAKE_DETECTOR, segmenter=FAKE_DETECTOR)


def test_load_services_failed_file_can_be_mended_and_tried_again(tmp_path: Path) -> None:
    path = written(tmp_path, "import a_module_that_is_not_installed\n")
    before = set(sys.modules)
    with pytest.raises(ConfigError):
        load_services(detector=f"{path}:make", segmenter=FAKE_SEGMENTER)
    assert not {name for name in set(sys.modules) - before if name.startswith("askmask_factory")}
    written(tmp_path, "from agent_tools.services.fakes import FakeDetector as make  # mended now\n")
    assert isinstance(load_services(detector=f"{path}:make", segmenter=FAKE_SEGMENTER).detector, Detector)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("/no/such/folder", r"names nothing: expected a folder, a hub id"),
        ("nowhere.py:make", r"has no file nowhere.py"),
        ("no_such_package.module:make", r"cannot be imported \(ModuleNotFoundError"),
        ("something", r"names nothing"),
        ("a/b/c", r"names nothing"),
    ],
)
def test_load_services_name_of_nothing_says_what_may_be_named(typed: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        factories.build_detector(typed, "cpu", presets.EncodingCache(0))


def test_load_services_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no config.json"):
        load_services(detector=str(tmp_path), segmenter=FAKE_SEGMENTER)


def test_load_services_installation_without_the_demo_models_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(presets, "bundled_folder", lambda role: tmp_path / role)
    with pytest.raises(ConfigError, match=r"models=demo lacks its segmenter: expected .*segmenter"):
        load_services("demo", detector=FAKE_DETECTOR)
    assert not presets.is_fetched(PRESETS["demo"])


@pytest.mark.parametrize(("typed", "close"), [("bets", "best"), ("Demo", "demo"), ("bassse", "base")])
def test_find_preset_near_miss_names_the_closest(typed: str, close: str) -> None:
    with pytest.raises(ConfigError, match=rf"or http://host:port\. Did you mean {close}\?"):
        find_preset(typed)


def test_find_preset_far_miss_lists_them() -> None:
    with pytest.raises(ConfigError, match=r"best, or http://host:port\. Run askmask models"):
        load_services("xyzzy-9000")


def test_load_services_hub_switched_off_fails_at_once_and_names_the_demo() -> None:
    began = time.perf_counter()
    with pytest.raises(ServiceError, match=r"google/owlv2-base-patch16-ensemble .*HF_HUB_OFFLINE.*--models demo"):
        load_services("fast")
    assert time.perf_counter() - began < 5


@pytest.mark.usefixtures("online")
def test_load_services_hub_out_of_reach_fails_at_once_and_names_the_demo() -> None:
    began = time.perf_counter()
    with pytest.raises(ServiceError, match=r"segmenter=someone/some-sam cannot be fetched .*--models demo"):
        load_services(detector=FAKE_DETECTOR, segmenter="someone/some-sam")
    assert time.perf_counter() - began < 5


def test_get_preset_out_of_reach_leaves_the_default_alone() -> None:
    with pytest.raises(ServiceError):
        get_preset("fast")
    assert default_preset() == "demo"


def fake_hub(monkeypatch: pytest.MonkeyPatch, model_folders: dict[str, Path]) -> list[str]:
    """Every hub id is a tiny model's folder once fetched; returns the ids fetched."""
    fetched: list[str] = []

    def folder(hub_id: str) -> Path:
        return model_folders["grounding-dino" if "dino" in hub_id else "sam"]

    def fetch(hub_id: str, role: str) -> Path:
        fetched.append(hub_id)
        return folder(hub_id)

    def cached(hub_id: str) -> Path | None:
        return folder(hub_id) if hub_id in fetched else None

    for module in (checkpoints, presets):
        monkeypatch.setattr(module, "fetch", fetch)
        monkeypatch.setattr(module, "cached", cached)
    return fetched


def test_get_preset_fetches_both_models_and_becomes_the_default(
    monkeypatch: pytest.MonkeyPatch, model_folders: dict[str, Path], own_data_folder: Path
) -> None:
    fetched, told = fake_hub(monkeypatch, model_folders), []
    assert [preset.name for preset, here in list_presets() if here and preset.name != "demo"] == []
    get_preset("base", told.append)
    assert fetched == [PRESETS["base"].detector, PRESETS["base"].segmenter]
    assert [line.split(":")[0] for line in told[:2]] == ["detector", "segmenter"]
    assert [preset.name for preset, here in list_presets() if here and preset.name != "demo"] == ["base"]
    assert json.loads((own_data_folder / "models.json").read_text()) == {"default": "base"}
    services = load_services(device="cpu")
    assert (services.preset, services.segmenter_name) == ("base", "facebook/sam-vit-base")


def test_default_preset_data_folder_that_is_a_file_is_left_to_the_memory_to_report(
    own_data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_data_folder / "file").write_text("")
    monkeypatch.setenv("ASKMASK_DATA_DIR", str(own_data_folder / "file"))
    settings.cache_clear()
    assert default_preset() == "demo"


def test_default_preset_damaged_file_says_how_to_mend_it(own_data_folder: Path) -> None:
    (own_data_folder / "models.json").write_text("{")
    with pytest.raises(ConfigError, match=r"models\.json"):
        default_preset()
    (own_data_folder / "models.json").write_text('{"default": "gone"}')
    with pytest.raises(ConfigError, match="gone is not a preset"):
        default_preset()


def test_presets_all_name_a_licence_a_size_and_two_models() -> None:
    for preset in PRESETS.values():
        assert preset.licence == "Apache-2.0"
        if preset.name != "demo":
            assert all(checkpoints.HUB_ID.fullmatch(hub_id) for hub_id in (preset.detector, preset.segmenter))
            assert preset.megabytes > 0


def test_load_services_demo_is_bundled_and_works(model_folders: dict[str, Path]) -> None:
    if not presets.is_fetched(PRESETS["demo"]):
        pytest.skip("the demo models are not in this checkout")
    services = load_services("demo", device="cpu")
    assert (services.preset, services.detector_name, services.segmenter_name) == ("demo", "demo", "demo")
    picture = Picture.from_array(np.full((60, 80, 3), 200, np.uint8))
    assert len(services.detector.detect([picture], [["red apple"]])) == 1


def test_fake_detector_painted_rectangles_are_found_exactly() -> None:
    array = np.full((60, 80, 3), 128, np.uint8)
    array[10:20, 5:25] = (220, 30, 30)
    array[30:50, 40:70] = (220, 30, 30)
    array[0:8, 60:80] = (30, 60, 220)
    (found,) = FakeDetector().detect([Picture.from_array(array)], [["blue box", "red book", "apple"]])
    assert found.boxes.tolist() == [[60, 0, 80, 8], [5, 10, 25, 20], [40, 30, 70, 50]]
    assert found.phrase_indices.tolist() == [0, 1, 1]


def test_fake_detector_given_answers_are_given_back() -> None:
    detector = FakeDetector({"cat": [((1, 2, 3, 4), 0.3)]})
    (found,) = detector.detect([Picture.from_array(np.zeros((9, 9, 3), np.uint8))], [["dog", "cat"]])
    assert (found.boxes.tolist(), found.phrase_indices.tolist()) == ([[1, 2, 3, 4]], [1])
    assert detector.calls[0][1] == ("dog", "cat")


def test_fake_segmenter_each_prompt_cuts_the_patch_it_means() -> None:
    array = np.full((10, 12, 3), 128, np.uint8)
    array[2:6, 1:5] = (220, 30, 30)
    array[2:6, 7:10] = (30, 60, 220)
    red, blue = np.zeros((10, 12), bool), np.zeros((10, 12), bool)
    red[2:6, 1:5] = True
    blue[2:6, 7:10] = True

    def points(*xyl: tuple[int, int, int]) -> Prompt:
        return Prompt(np.array([p[:2] for p in xyl], np.float32), np.array([p[2] for p in xyl], np.int64))

    prompts = [
        Prompt(box=np.array([0, 1, 6, 7], np.float32)),
        points((2, 3, 1), (8, 3, 1)),
        points((2, 3, 1), (8, 3, 1), (3, 4, 0)),
        points((8, 3, 1)),
    ]
    (answers,) = FakeSegmenter().segment([SegmentRequest(Picture.from_array(array), prompts)])
    got = [answer.masks[0].to_array() for answer in answers]
    for mask, expected in zip(got, [red, red | blue, blue, blue], strict=True):
        np.testing.assert_array_equal(mask, expected)


def test_services_are_importable_without_torch() -> None:
    import subprocess

    code = (
        "import sys, agent_tools.services.presets as p, agent_tools.services.fakes;"
        "p.list_presets(); p.load_services(detector=sys.argv[1], segmenter=sys.argv[2]);"
        "print([m for m in ('torch', 'transformers') if m in sys.modules])"
    )
    done: Any = subprocess.run(
        [sys.executable, "-c", code, FAKE_DETECTOR, FAKE_SEGMENTER], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_load_services_address_gives_the_models_of_the_server_there(fake_server: str) -> None:
    services = load_services(fake_server)
    assert (services.preset, services.detector_name, services.segmenter_name) == (fake_server,) * 3
    assert services.detector.threshold == 0.5
    mixed = load_services(fake_server, detector=FAKE_DETECTOR)
    assert (mixed.preset, mixed.detector_name, mixed.segmenter_name) == (fake_server, FAKE_DETECTOR, fake_server)
    assert mixed.detector.calls == []


def test_get_preset_of_a_server_says_that_nothing_is_fetched() -> None:
    with pytest.raises(ConfigError, match=r"is a server: expected a preset.* Set ASKMASK_MODELS"):
        get_preset("http://127.0.0.1:8000")
