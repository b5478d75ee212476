"""The whole way on a real photograph with a real detector, where both are on the machine."""

import json
from pathlib import Path

import pytest

from agent_tools.masks import Mask
from workflows import cli

pytestmark = pytest.mark.photos


def ask(request: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    pytest.importorskip("onnxruntime", reason="the real detector runs on onnxruntime (the dev extra)")
    detector = photos.parent / "realcheck" / "yolox_detector.py"
    picture = photos / "grocery_store" / "Orange_004.jpg"
    arguments = ["ask", request, str(picture), "--detector", f"{detector}:factory", "--json", "--out", str(tmp_path)]
    assert cli.main(arguments) == 0
    return json.loads(capsys.readouterr().out)


def test_ask_count_the_oranges_in_the_crate_is_within_two_of_seventeen(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ask("count the oranges", photos, tmp_path, capsys)
    assert abs(found["counts"]["orange"]["n"] - 17) <= 2
    assert len(found["objects"]) == found["counts"]["orange"]["n"]
    for thing in found["objects"]:
        mask = Mask.from_coco(thing["mask"])
        assert (mask.width, mask.height) == (348, 464)
        assert mask.area == thing["area"] > 0
    assert Path(found["pictures"]["p1"]).is_file()


def test_ask_count_the_unicorns_is_plainly_none(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ask("count the unicorns", photos, tmp_path, capsys)
    assert found["counts"]["unicorn"]["n"] == 0
    assert found["objects"] == []
    assert "no unicorn" in found["answer"]
