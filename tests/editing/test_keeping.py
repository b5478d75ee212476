"""One more edit costs one edit: what is kept, for how long, and what is forgotten."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agent_tools.editing import EditedPictures, edited, keeping
from agent_tools.pictures import Picture
from tests.editing.shapes import H, Step, W, box, noise

BLUR = Step("blur", [box(4, 4, 20, 20)])
GRAY = Step("grayscale", [box(10, 10, 40, 40)])
DARK = Step("darken", [box(0, 0, 30, 30)], parameters={"strength": 0.8})


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is really done."""
    log: list[str] = []
    done, decode = keeping.done, keeping.decode_whole

    def doing(step: Any, *rest: Any) -> Any:
        log.append(step.action)
        return done(step, *rest)

    def decoding(*given: Any) -> Any:
        log.append("decode")
        return decode(*given)

    monkeypatch.setattr(keeping, "done", doing)
    monkeypatch.setattr(keeping, "decode_whole", decoding)
    return log


def test_one_more_edit_costs_one_edit_and_one_less_none(work: list[str]) -> None:
    kept, picture = EditedPictures(10**7), Picture.from_array(noise(1))
    for steps, cost in (
        ([BLUR], ["decode", "blur"]),
        ([BLUR, GRAY], ["grayscale"]),
        ([BLUR, GRAY, DARK], ["darken"]),
        ([BLUR, GRAY], []),
        ([], []),
        ([GRAY], ["grayscale"]),
        ([GRAY, BLUR], ["blur"]),
        ([Step("blur", [box(4, 4, 20, 20)])], []),
        ([Step("blur", [box(4, 4, 20, 21)])], ["blur"]),
        ([Step("blur", [box(4, 4, 20, 20)], invert=True)], ["blur"]),
        ([Step("blur", [box(4, 4, 20, 20)], parameters={"strength": 0.4})], ["blur"]),
    ):
        work.clear()
        made = kept.edited(picture, steps)
        assert work == cost
        assert np.array_equal(made.pixels, edited(picture, steps).pixels)


def test_what_is_kept_cannot_be_written_to() -> None:
    made = EditedPictures(10**7).edited(Picture.from_array(noise(1)), [BLUR])
    with pytest.raises(ValueError, match="read-only"):
        made.pixels[0, 0] = 0


def test_bytes_are_bounded_and_the_oldest_go_first(work: list[str]) -> None:
    size = H * W * 3
    kept, picture = EditedPictures(2 * size + 5), Picture.from_array(noise(1))
    kept.edited(picture, [BLUR, GRAY, DARK])
    assert kept.size_bytes == 2 * size
    work.clear()
    kept.edited(picture, [BLUR, GRAY])
    assert work == []
    kept.edited(picture, [BLUR])
    assert work == ["decode", "blur"]


def test_nothing_is_kept_where_nothing_may_be(work: list[str]) -> None:
    kept, picture = EditedPictures(0), Picture.from_array(noise(1))
    for _ in range(2):
        kept.edited(picture, [BLUR])
    assert work == ["decode", "blur"] * 2
    assert kept.size_bytes == 0


def test_forgotten_picture_is_gone_as_a_background_too(work: list[str]) -> None:
    kept, first, second = EditedPictures(10**7), Picture.from_array(noise(1)), Picture.from_array(noise(2))
    behind = Step("replace_background", [box(4, 4, 20, 20)], parameters={"background": "p2"})
    kept.edited(first, [behind], {"p2": second}.__getitem__)
    kept.edited(second, [])
    kept.forget(second.digest)
    assert kept.size_bytes == H * W * 3, "the first one's original"
    kept.forget(first.digest)
    assert kept.size_bytes == 0


def test_background_of_the_same_handle_and_another_picture_is_another_edit(work: list[str]) -> None:
    kept, first = EditedPictures(10**7), Picture.from_array(noise(1))
    behind = Step("replace_background", [box(4, 4, 20, 20)], parameters={"background": "p2"})
    made = [kept.edited(first, [behind], {"p2": Picture.from_array(noise(each))}.__getitem__) for each in (2, 3)]
    assert not np.array_equal(made[0].pixels, made[1].pixels)
