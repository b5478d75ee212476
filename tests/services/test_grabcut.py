"""GrabCut on drawn pictures, where colours do tell the thing from what lies round it."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from agent_tools.errors import ServiceError
from agent_tools.masks import Mask, mask_iou
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, Segmenter, SegmentRequest
from agent_tools.services.grabcut import GrabCut
from agent_tools.services.presets import load_services

FAKE_DETECTOR = "agent_tools.services.fakes:FakeDetector"


def drawn(width=240, height=180, noise=12):
    """A red disc and a blue disc on green, each with its true mask."""
    pixels = np.full((height, width, 3), (60, 140, 70), np.uint8)
    masks = []
    for centre, colour in (((width // 3, height // 2), (200, 50, 40)), ((width * 3 // 4, height // 2), (40, 60, 190))):
        mask = cv2.circle(np.zeros((height, width), np.uint8), centre, height // 5, 1, -1).astype(bool)
        pixels[mask] = colour
        masks.append(Mask.from_array(mask))
    grain = np.random.default_rng(0).integers(-noise, noise + 1, pixels.shape)
    return Picture.from_array((pixels + grain).clip(0, 255).astype(np.uint8)), *masks


def boxed(mask, grow=0.0):
    x0, y0, x1, y1 = mask.box
    return Prompt(box=np.array([x0 - grow, y0 - grow, x1 + grow, y1 + grow], np.float32))


def clicked(*rows, **others):
    points = np.array([row[:2] for row in rows], np.float32)
    return Prompt(points=points, labels=np.array([row[2] for row in rows], np.int64), **others)


def asked(picture, *prompts):
    return GrabCut().segment([SegmentRequest(picture, prompts)])[0]


def overlap(answer, truth):
    return float(mask_iou([answer.masks[0]], [truth])[0, 0])


def test_box_round_a_disc_cuts_out_the_disc():
    picture, red, blue = drawn()
    answers = asked(picture, boxed(red), boxed(blue, grow=4))
    assert overlap(answers[0], red) > 0.93
    assert overlap(answers[1], blue) > 0.9
    assert answers[0].predicted_iou[0] > 0.9


def test_box_on_a_large_picture_is_cut_as_well_as_on_a_small_one():
    picture, red, _ = drawn(1920, 1440)
    assert overlap(asked(picture, boxed(red))[0], red) > 0.93


def test_box_that_is_the_whole_picture_still_cuts():
    picture, red, _ = drawn()
    x0, y0, x1, y1 = (int(side) for side in red.box)
    close = Picture.from_array(picture.array[y0:y1, x0:x1])
    truth = Mask.from_array(red.to_array()[y0:y1, x0:x1])
    whole = Prompt(box=np.array([0, 0, close.width, close.height], np.float32))
    assert overlap(asked(close, whole)[0], truth) > 0.9


def test_box_of_one_colour_has_a_low_predicted_iou():
    picture, red, _ = drawn()
    on_green = Prompt(box=np.array([2, 2, 40, 40], np.float32))
    plain, clear = asked(picture, on_green, boxed(red))
    assert plain.predicted_iou[0] < 0.75 < clear.predicted_iou[0]
    assert plain.stability[0] < clear.stability[0]


def test_lone_point_gets_three_candidates_of_different_extent_with_the_disc_among_them():
    picture, red, _ = drawn()
    (answer,) = asked(picture, clicked((80, 90, 1)))
    assert len(answer.masks) == 3
    assert mask_iou(answer.masks, [red]).max() > 0.9
    assert all(mask.contains(80, 90) for mask in answer.masks)
    assert len({mask.area for mask in answer.masks}) == 3


def test_lone_point_on_one_of_two_alike_takes_that_one_and_is_less_sure_where_both_are_seen():
    pixels = np.full((180, 240, 3), (60, 140, 70), np.uint8)
    for centre in ((120, 90), (165, 90)):
        cv2.circle(pixels, centre, 16, (200, 50, 40), -1)
    one = Mask.from_array(cv2.circle(np.zeros((180, 240), np.uint8), (120, 90), 16, 1, -1))
    (answer,) = asked(Picture.from_array(pixels), clicked((120, 90, 1)))
    assert mask_iou(answer.masks, [one]).max() > 0.9
    assert not any(mask.contains(165, 90) for mask in answer.masks)
    assert answer.predicted_iou[0] > 0.9
    assert mask_iou([answer.masks[1]], [one])[0, 0] > 0.9
    assert answer.predicted_iou[1] == pytest.approx(0.5, abs=0.05)  # half of what looks like it is left out


def test_lone_point_outside_the_thing_gets_an_empty_mask():
    picture, *_ = drawn()
    (answer,) = asked(picture, clicked((80, 90, 0)))
    assert [mask.area for mask in answer.masks] == [0]
    assert answer.predicted_iou.tolist() == [0.0]


def test_points_on_two_discs_take_both_and_an_excluding_one_drops_one():
    picture, red, blue = drawn()
    box = boxed(red | blue).box
    both, one = asked(picture, clicked((80, 90, 1), (180, 90, 1), box=box), clicked((80, 90, 1), (180, 90, 0), box=box))
    assert overlap(both, red | blue) > 0.85
    assert (one.masks[0] & blue).area < 0.05 * blue.area
    assert overlap(one, red) > 0.6


def test_earlier_mask_that_is_too_small_grows_to_the_disc():
    picture, red, _ = drawn()
    middle = Mask.from_array(cv2.circle(np.zeros((180, 240), np.uint8), (80, 90), 28, 1, -1))
    (answer,) = asked(picture, Prompt(mask=middle))
    assert mask_iou([middle], [red])[0, 0] < 0.7 < 0.9 < overlap(answer, red)


def test_earlier_mask_with_a_point_on_the_missing_half_takes_it_in():
    picture, red, _ = drawn()
    left_half = red & Mask.from_crop(np.ones((180, 80)), 0, 0, 180, 240)
    (answer,) = asked(picture, clicked((108, 90, 1), mask=left_half))
    assert overlap(answer, red) > 0.8


def test_earlier_mask_of_another_size_raises():
    picture, *_ = drawn()
    with pytest.raises(ServiceError, match="prompt mask size"):
        asked(picture, Prompt(mask=Mask.from_array(np.ones((3, 4)))))


def test_same_prompt_always_gets_the_same_answer_whatever_opencv_drew_before():
    picture, red, _ = drawn(noise=60)
    (first,) = asked(picture, boxed(red))
    cv2.setRNGSeed(99)
    cv2.randu(np.zeros(5), 0, 1)
    (second,) = asked(picture, boxed(red))
    assert first.masks == second.masks
    assert first.predicted_iou.tolist() == second.predicted_iou.tolist()


def test_flat_picture_answers_finite_scores():
    flat = Picture.from_array(np.full((40, 50, 3), 90, np.uint8))
    for answer in asked(flat, Prompt(box=np.array([10, 10, 30, 30], np.float32)), clicked((20, 20, 1))):
        assert np.isfinite(answer.predicted_iou).all()
        assert ((answer.predicted_iou >= 0) & (answer.predicted_iou <= 1)).all()


def test_load_services_grabcut_names_it():
    services = load_services(detector=FAKE_DETECTOR, segmenter="grabcut")
    assert services.segmenter_name == "grabcut"
    assert isinstance(services.segmenter, Segmenter)
    picture, red, _ = drawn()
    assert overlap(services.segmenter.segment([SegmentRequest(picture, [boxed(red)])])[0][0], red) > 0.9


def test_module_loads_without_torch():
    program = "import sys, agent_tools.services.grabcut; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=120).returncode == 0
