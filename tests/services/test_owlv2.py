"""What only the late-fusion detector promises: pictures and phrases are encoded once, and the numbers are OWLv2's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

from agent_tools.errors import ConfigError, ToolInputError
from agent_tools.pictures import Picture
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_detector
from agent_tools.services.grounding_dino import GroundingDino
from agent_tools.services.owlv2 import Owlv2
from agent_tools.services.tiling import TiledDetector


def blocks(width: int = 120, height: int = 90, seed: int = 0) -> Picture:
    cells = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Picture.from_array(cells[np.arange(height) * 6 // height][:, np.arange(width) * 8 // width])


@pytest.fixture
def detector(model_folders: dict[str, Path]) -> Owlv2:
    return Owlv2(model_folders["owlv2"], device="cpu")


@pytest.mark.parametrize("size", [(120, 90), (90, 120), (64, 64), (300, 40)])
def test_owlv2_answers_as_transformers_own_pipeline_does(model_folders: dict[str, Path], size: tuple[int, int]) -> None:
    folder, picture, phrases = model_folders["owlv2"], blocks(*size), ["red apple", "book"]
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(folder)
    longest = model.config.text_config.max_position_embeddings
    words = processor.tokenizer(
        [f"a photo of a {phrase}" for phrase in phrases], padding="max_length", max_length=longest, return_tensors="pt"
    )
    detector = Owlv2(folder, device="cpu")
    detector.floor, detector._suppress_iou = 0.0, 1.0
    with torch.inference_mode():
        pixels = torch.from_numpy(detector._prepared(picture))[None]
        theirs = model(pixel_values=pixels, **words)
    # Their resizing smooths in another way than OpenCV's, and beside the picture they put black for the authors' grey.
    reference = processor.image_processor(picture.array, return_tensors="pt")["pixel_values"]
    width, height = (round(96 * side / max(size)) for side in size)
    assert (pixels - reference)[..., :height, :width].abs().mean() < 0.12
    encoded = detector._encode([picture])[picture.digest]
    text = detector._words(phrases)
    ours = (encoded.described @ torch.stack([text[phrase] for phrase in phrases]).T + encoded.shift) * encoded.scale
    torch.testing.assert_close(ours, theirs.logits[0], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(encoded.boxes, theirs.pred_boxes[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(encoded.whole, theirs.objectness_logits[0], atol=1e-5, rtol=1e-5)


def test_owlv2_new_phrase_on_a_known_picture_encodes_no_picture_and_a_known_phrase_no_words(detector: Owlv2) -> None:
    passes = {"picture": 0, "words": 0}

    def counting(what: str) -> object:
        def count(*_: object) -> None:
            passes[what] += 1

        return count

    detector._model.owlv2.vision_model.register_forward_pre_hook(counting("picture"))
    detector._model.owlv2.text_model.register_forward_pre_hook(counting("words"))
    picture, other = blocks(), blocks(seed=1)
    first = detector.detect([picture], [["book"]])[0]
    assert passes == {"picture": 1, "words": 1}
    detector.detect([picture], [["red apple", "book"]])
    assert passes == {"picture": 1, "words": 2}
    detector.detect([other], [["red apple", "book"]])
    assert passes == {"picture": 2, "words": 2}
    again = detector.detect([picture], [["book"]])[0]
    assert passes == {"picture": 2, "words": 2}
    np.testing.assert_array_equal(again.boxes, first.boxes)
    detector.propose([picture])
    assert passes["picture"] == 2
    detector.forget(picture.digest)
    detector.detect([picture], [["book"]])
    assert passes == {"picture": 3, "words": 2}


def test_owlv2_cache_too_small_answers_the_same(model_folders: dict[str, Path], detector: Owlv2) -> None:
    without = Owlv2(model_folders["owlv2"], device="cpu", cache=EncodingCache(0))
    for _ in range(2):
        np.testing.assert_array_equal(
            without.detect([blocks()], [["book"]])[0].scores, detector.detect([blocks()], [["book"]])[0].scores
        )


def test_owlv2_phrase_too_long_says_so(detector: Owlv2) -> None:
    with pytest.raises(ToolInputError, match="Shorten it"):
        detector.detect([blocks()], [["a " + "very " * 30 + "long phrase"]])


def test_owlv2_folder_is_opened_as_one_by_the_common_way_in(model_folders: dict[str, Path]) -> None:
    cache = EncodingCache(10**8)
    late = build_detector(str(model_folders["owlv2"]), "cpu", cache)
    early = build_detector(str(model_folders["grounding-dino"]), "cpu", cache)
    assert isinstance(late, TiledDetector)
    assert isinstance(late._inner, Owlv2)
    assert isinstance(early, TiledDetector)
    assert isinstance(early._inner, GroundingDino)


def test_detector_of_another_family_names_those_that_can_be_driven(model_folders: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="expected grounding-dino or mm-grounding-dino or owlv2"):
        build_detector(str(model_folders["sam"]), "cpu", EncodingCache(0))
