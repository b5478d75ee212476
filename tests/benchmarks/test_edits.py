"""The measurement of edits, on a small picture."""

import json

import pytest

from agent_tools.editing import STRENGTHS
from benchmarks.edits import main


@pytest.mark.parametrize("deep", [False, True])
def test_edits_are_measured_each_in_its_process_and_exact(deep: bool, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--megapixels", "0.05", "--actions", "cut_out,pixelate,move", "--json", *(["--deep"] if deep else [])]
    assert main(given) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bits"] == (16 if deep else 8)
    assert [(row["action"], row["invert"]) for row in found["edits"]] == [
        ("cut_out", False),
        ("pixelate", False),
        ("pixelate", True),
        ("move", False),
    ]
    assert all(row["exact"] and 0.02 < row["peak_gigabytes"] < 2 for row in found["edits"])


def test_every_action_is_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def told(megapixels: float, deep: bool, actions: list[str]) -> list[dict[str, object]]:
        asked.extend(actions)
        return [{"action": "blur", "invert": False, "seconds": {"edit": 1.0}, "peak_gigabytes": 1.0, "exact": False}]

    monkeypatch.setattr("benchmarks.edits.measure", told)
    assert main([]) == 1, "an edit that is not exact fails"
    assert asked == list(STRENGTHS)
    assert "NO" in capsys.readouterr().out
