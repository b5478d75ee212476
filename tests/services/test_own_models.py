"""What only our own services promise: encodings kept, devices, memory, files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray

from agent_tools.errors import ConfigError, OutOfMemoryError, ServiceError, ToolInputError
from agent_tools.masks import Mask, mask_iou
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, SegmentRequest
from agent_tools.services.checkpoints import CheckpointSettings
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.grounding_dino import GroundingDino, phrase_scores
from agent_tools.services.sam import Sam
from agent_tools.services.views import choose_views


def blocks(width: int = 120, height: int = 90, seed: int = 0) -> Picture:
    cells = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Picture.from_array(cells[np.arange(height) * 6 // height][:, np.arange(width) * 8 // width])


def box_request(picture: Picture, *boxes: tuple[float, float, float, float]) -> SegmentRequest:
    return SegmentRequest(picture, [Prompt(box=np.array(box, np.float32)) for box in boxes])


@contextmanager
def counted(module: torch.nn.Module) -> Iterator[list[int]]:
    """The batch size of every pass through a part of a model."""
    sizes: list[int] = []

    def note(_module: torch.nn.Module, given: tuple[torch.Tensor, ...], named: dict[str, torch.Tensor]) -> None:
        sizes.append(len(given[0] if given else named["pixel_values"]))

    handle = module.register_forward_pre_hook(note, with_kwargs=True)
    yield sizes
    handle.remove()


@pytest.fixture(params=["grounding-dino", "mm-grounding-dino"])
def detector(request: pytest.FixtureRequest, model_folders: dict[str, Path]) -> GroundingDino:
    return GroundingDino(model_folders[request.param], device="cpu")


@pytest.fixture
def sam(model_folders: dict[str, Path]) -> Sam:
    return Sam(model_folders["sam"], device="cpu")


def test_detector_prompt_has_the_tokens_of_the_reference_processor(detector: GroundingDino) -> None:
    (prompt,) = detector._passes(["red apple", "person in a shirt", "犬"])
    reference = detector._processor.tokenizer("red apple. person in a shirt. 犬.")["input_ids"]
    assert list(prompt.token_ids) == reference


def test_detector_one_phrase_boxes_and_scores_are_the_reference_post_processing(detector: GroundingDino) -> None:
    picture = blocks()
    inputs = detector._processor(images=picture.array, text="red apple.", return_tensors="pt")
    with torch.no_grad():
        output = detector._model(**inputs)
    (reference,) = detector._processor.post_process_grounded_object_detection(
        output, inputs["input_ids"], threshold=detector.floor, target_sizes=[(90, 120)]
    )
    expected = reference["boxes"].numpy().clip(0, [120, 90, 120, 90])
    (found,) = detector.detect([picture], [["red apple"]])
    assert len(found.scores) > 0
    for box in found.boxes:
        assert np.abs(expected - box).max(axis=1).min() < 1e-3
    assert found.scores.max() <= reference["scores"].max() + 1e-6


def test_detector_more_phrases_than_fit_are_all_asked_in_several_passes(detector: GroundingDino) -> None:
    words = ["red", "green", "blue", "yellow"]
    things = [f"{colour} {thing}" for colour in words for thing in ("apple", "orange", "book", "box")]
    detector.floor = 0.0
    with counted(detector._model.model.backbone) as passes:
        (found,) = detector.detect([blocks()], [things])
    assert len(passes) == 3
    assert set(found.phrase_indices.tolist()) <= set(range(16))
    assert {index // 6 for index in found.phrase_indices.tolist()} == {0, 1, 2}


def test_detector_phrase_too_long_for_any_prompt_is_the_planners_to_mend(detector: GroundingDino) -> None:
    with pytest.raises(ToolInputError, match="Shorten it"):
        detector.detect([blocks()], [["red " * 40 + "apple"]])


def test_detector_same_picture_and_phrases_again_run_nothing(detector: GroundingDino) -> None:
    (first,) = detector.detect([blocks()], [["red apple", "book"]])
    with counted(detector._model.model.backbone) as passes:
        (again,) = detector.detect([Picture.from_bytes(blocks().original)], [["Red  apple.", "book"]])
        assert passes == []
        detector.detect([blocks()], [["book"]])
        assert passes == [1]
    np.testing.assert_array_equal(first.boxes, again.boxes)


def test_detector_forgotten_picture_is_looked_at_again(detector: GroundingDino) -> None:
    detector.detect([blocks()], [["book"]])
    detector.forget(blocks().digest)
    with counted(detector._model.model.backbone) as passes:
        detector.detect([blocks()], [["book"]])
    assert passes == [1]


def test_detector_pictures_of_one_size_share_a_pass(model_folders: dict[str, Path]) -> None:
    detector = GroundingDino(model_folders["grounding-dino"], device="cpu", pictures_per_pass=2)
    pictures = [blocks(seed=1), blocks(seed=2), blocks(seed=3), blocks(50, 80), blocks(seed=4)]
    with counted(detector._model.model.backbone) as passes:
        together = detector.detect(pictures, [["book", "orange"]] * 5)
    assert passes == [2, 1, 1, 1]
    alone = GroundingDino(model_folders["grounding-dino"], device="cpu")
    for picture, found in zip(pictures, together, strict=True):
        (expected,) = alone.detect([picture], [["book", "orange"]])
        np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-2)


def test_detector_pass_has_room_for_so_many_pixels(detector: GroundingDino, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = detector._processor.image_processor([blocks().array], return_tensors="pt")["pixel_values"]
    room = 3 * prepared.shape[-2] * prepared.shape[-1]
    monkeypatch.setattr("agent_tools.services.grounding_dino._PIXELS_PER_PASS", {"cpu": room})
    with counted(detector._model.model.backbone) as passes:
        detector.detect([blocks(seed=20 + seed) for seed in range(7)], [["book"]] * 7)
    assert passes == [3, 3, 1]
    monkeypatch.setattr("agent_tools.services.grounding_dino._PIXELS_PER_PASS", {"cpu": 1})
    with counted(detector._model.model.backbone) as passes:
        detector.detect([blocks(seed=30 + seed) for seed in range(2)], [["book"]] * 2)
    assert passes == [1, 1]


def test_detector_most_queries_busy_says_saturated(model_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(model_folders["grounding-dino"], tmp_path / "m")
    (folder / "askmask.json").write_text(json.dumps({"threshold": 1e-6, "floor": 0}))
    (found,) = GroundingDino(folder).detect([blocks()], [["red apple"]])
    assert found.saturated
    (folder / "askmask.json").write_text(json.dumps({"threshold": 1.0, "floor": 0}))
    (found,) = GroundingDino(folder).detect([blocks()], [["red apple"]])
    assert not found.saturated


def test_phrase_scores_each_way_reads_only_its_span() -> None:
    chances = torch.tensor([[[0.9, 0.2, 0.6, 0.1, 0.8]]])
    for how, expected in {"max": [0.6, 0.8], "mean": [0.4, 0.8], "min": [0.2, 0.8]}.items():
        scores = phrase_scores(chances.logit(), [(1, 3), (4, 5)], how)
        np.testing.assert_allclose(scores.numpy(), [[expected]], atol=1e-6)


def test_sam_picture_is_encoded_once_for_any_number_of_prompts(sam: Sam) -> None:
    with counted(sam._model.vision_encoder) as passes:
        sam.segment([box_request(blocks(), (10, 10, 50, 60), (60, 20, 110, 80))])
        sam.segment([box_request(Picture.from_bytes(blocks().original), (0, 0, 20, 20))])
        assert passes == [1]
        sam.segment([box_request(blocks(seed=1), (0, 0, 20, 20))])
        assert passes == [1, 1]
        sam.forget(blocks().digest)
        sam.segment([box_request(blocks(), (0, 0, 20, 20))])
        assert passes == [1, 1, 1]


def test_sam_cache_keeps_its_bound_and_encodes_again_what_it_dropped(model_folders: dict[str, Path]) -> None:
    one = 32 * 8 * 8 * 4
    cache = EncodingCache(int(2.5 * one))
    sam = Sam(model_folders["sam"], device="cpu", cache=cache)
    with counted(sam._model.vision_encoder) as passes:
        for seed in (0, 1, 2, 0, 2):
            sam.segment([box_request(blocks(seed=seed), (0, 0, 20, 20))])
            assert cache.size_bytes <= cache.limit_bytes
    assert len(passes) == 4
    assert cache.size_bytes == 2 * one


def test_sam_masks_are_those_of_the_reference_post_processing(sam: Sam) -> None:
    for width, height in ((120, 90), (61, 133), (64, 64), (300, 40)):
        picture, given = blocks(width, height), [5.0, 6.0, width - 9.0, height - 7.0]
        inputs = sam._processor(picture.array, input_boxes=[[given]], return_tensors="pt")
        with torch.no_grad():
            output = sam._model(**{**inputs, "input_boxes": inputs["input_boxes"].float()}, multimask_output=False)
        upright = sam._processor.post_process_masks(
            output.pred_masks, inputs["original_sizes"], inputs["reshaped_input_sizes"]
        )
        ((answer,),) = sam.segment([box_request(picture, tuple(given))])
        expected = upright[0][0, 0].numpy()
        assert expected.any()
        assert np.mean(answer.masks[0].to_array() != expected) < 1e-3


def test_sam_lone_point_candidates_are_the_references_best_first(sam: Sam) -> None:
    picture = blocks()
    inputs = sam._processor(picture.array, input_points=[[[[30.0, 20.0]]]], input_labels=[[[1]]], return_tensors="pt")
    with torch.no_grad():
        output = sam._model(**{**inputs, "input_points": inputs["input_points"].float()})
    prompt = Prompt(points=np.array([[30, 20]], np.float32), labels=np.array([1]))
    ((answer,),) = sam.segment([SegmentRequest(picture, [prompt])])
    expected = np.sort(output.iou_scores[0, 0].numpy())[::-1]
    np.testing.assert_allclose(answer.predicted_iou, expected, atol=1e-5)


def test_sam_stability_is_the_iou_of_a_higher_and_a_lower_cut(sam: Sam) -> None:
    picture = blocks()
    logits = torch.linspace(-4, 4, 32).repeat(32, 1)
    with replaced_decoder(sam, logits):
        ((answer,),) = sam.segment([box_request(picture, (0, 0, 50, 50))])
    full = F.interpolate(logits[None, None], (64, 64), mode="bilinear")[..., :48, :]
    full = F.interpolate(full, (90, 120), mode="bilinear")[0, 0].numpy()
    assert answer.stability[0] == pytest.approx((full > 1).sum() / (full > -1).sum(), abs=1e-4)
    np.testing.assert_array_equal(answer.masks[0].to_array(), full > 0)


def test_sam_nothing_above_the_cut_is_an_empty_mask(sam: Sam) -> None:
    for level in (-5.0, -0.5):
        with replaced_decoder(sam, torch.full((32, 32), level)):
            ((answer,),) = sam.segment([box_request(blocks(), (0, 0, 50, 50))])
        assert answer.masks[0].area == 0
        assert (answer.masks[0].height, answer.masks[0].width) == (90, 120)
        assert answer.stability[0] == 0


@contextmanager
def replaced_decoder(sam: Sam, logits: torch.Tensor) -> Iterator[None]:
    """Let the mask decoder say `logits` (32, 32), whatever it is asked."""

    def say(_module: Any, _given: Any, output: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        return logits.expand_as(output[0]), output[1]

    handle = sam._model.mask_decoder.register_forward_hook(say)
    yield
    handle.remove()


@pytest.mark.parametrize("box", [(40, 31, 83, 60), (0, 31, 43, 90)])
def test_sam_snapped_outlines_end_where_the_thing_does(
    sam: Sam, box: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    x0, y0, x1, y1 = box
    array = np.full((90, 120, 3), (60, 110, 70), np.uint8)
    array[y0:y1, x0:x1] = (200, 60, 50)
    truth = Mask.from_crop(np.ones((y1 - y0, x1 - x0)), x0, y0, 90, 120)
    cell = 120 / 32
    logits = torch.full((32, 32), -3.0)
    logits[round(y0 / cell) : round(y1 / cell), round(x0 / cell) : round(x1 / cell)] = 3.0
    found = {}
    for snap in (False, True):
        monkeypatch.setattr(sam, "_snap", snap)
        with replaced_decoder(sam, logits):
            ((answer,),) = sam.segment([box_request(Picture.from_array(array), box)])
        found[snap] = float(mask_iou(answer.masks[:1], [truth])[0, 0])
    assert found[True] > 0.97 > found[False]


def test_sam_mask_prompt_covers_the_same_part_of_the_square(sam: Sam) -> None:
    mask = Mask.from_crop(np.ones((45, 60)), 60, 0, 90, 120)
    (view,) = choose_views(blocks(), [None], 0.0, sam.input_side, 4 * sam._tokens)
    logits: NDArray[np.float32] = sam._mask_prompt(mask, view)
    assert logits.shape == (32, 32)
    expected = np.full((32, 32), -10, np.float32)
    expected[:12, 16:] = 10
    np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_sam_closer_looks_are_encoded_once(sam: Sam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sam, "zoom", 0.6)
    small = np.array([4, 4, 20, 20], np.float32)
    encoded: list[tuple[int, ...]] = []
    monkeypatch.setattr(sam._model, "get_image_embeddings", _counting(sam._model.get_image_embeddings, encoded))
    far = np.array([100, 70, 116, 86], np.float32)
    answers = sam.segment([SegmentRequest(blocks(seed=7), [Prompt(box=box) for box in (small, small + 2, far)])])[0]
    assert [pixels[0] for pixels in encoded] == [2]  # two looks, both in one pass
    assert all((answer.masks[0].height, answer.masks[0].width) == (90, 120) for answer in answers)


def test_sam_thing_looks_the_same_whatever_else_is_looked_at(sam: Sam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sam, "zoom", 0.6)
    picture = blocks(seed=9)
    prompts = [Prompt(box=np.array(box, np.float32)) for box in ([4, 4, 20, 20], [100, 70, 116, 86])]
    together = sam.segment([SegmentRequest(picture, prompts)])[0]
    sam.forget(picture.digest)
    alone = [sam.segment([SegmentRequest(picture, [prompt])])[0][0] for prompt in prompts]
    for one, other in zip(together, alone, strict=True):
        assert mask_iou(one.masks[:1], other.masks[:1])[0, 0] > 0.99


def test_sam_mask_found_in_a_closer_look_lies_where_the_look_is(sam: Sam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sam, "zoom", 0.5)
    with replaced_decoder(sam, torch.full((32, 32), 5.0)):
        ((answer,),) = sam.segment([box_request(blocks(), (92, 62, 108, 78))])
    assert answer.masks[0].box == (60, 45, 120, 90)


def test_sam_click_is_answered_from_a_closer_look_once_its_size_is_known(
    sam: Sam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sam, "zoom", 0.5)
    logits = torch.full((32, 32), -5.0)
    logits[22:25, 26:30] = 5.0
    one = Prompt(points=np.array([[104, 88]], np.float32), labels=np.array([1]))
    two = Prompt(points=np.array([[104, 88], [110, 86]], np.float32), labels=np.array([1, 0]))
    seen: list[tuple[int, int]] = []
    decode = sam._decode

    def noting(encodings: Any, prompts: Any, views: Any) -> Any:
        for prompt, view in zip(prompts, views, strict=True):
            seen.append((view.width, 0 if prompt.mask is None else prompt.mask.area))
        return decode(encodings, prompts, views)

    monkeypatch.setattr(sam, "_decode", noting)
    with replaced_decoder(sam, logits):
        ((first, second),) = sam.segment([SegmentRequest(blocks(), [one, two])])
    assert [width for width, _ in seen] == [120, 120, 60, 60]
    assert seen[2][1] == 0
    assert seen[3][1] > 0
    assert (len(first.masks), len(second.masks)) == (3, 1)


def _counting(call: Any, made: list[tuple[int, ...]]) -> Any:
    def counted(pixels: torch.Tensor) -> Any:
        made.append(tuple(pixels.shape))
        return call(pixels)

    return counted


def test_sam_mask_of_another_picture_is_refused(sam: Sam) -> None:
    prompt = Prompt(mask=Mask.from_array(np.ones((5, 5))))
    with pytest.raises(ServiceError, match="differs from the picture"):
        sam.segment([SegmentRequest(blocks(), [prompt])])


@pytest.mark.parametrize("prompts_per_pass", [1, 2, 7])
def test_sam_any_number_of_prompts_a_pass_gives_the_same_masks(
    model_folders: dict[str, Path], prompts_per_pass: int
) -> None:
    request = box_request(blocks(), *[(x, 5, x + 30, 60) for x in range(0, 80, 11)])
    (expected,) = Sam(model_folders["sam"], device="cpu").segment([request])
    sam = Sam(model_folders["sam"], device="cpu", prompts_per_pass=prompts_per_pass)
    (answers,) = sam.segment([request])
    for answer, other in zip(answers, expected, strict=True):
        assert np.mean(answer.masks[0].to_array() != other.masks[0].to_array()) < 1e-3


def test_services_many_threads_get_their_own_answers(model_folders: dict[str, Path]) -> None:
    detector = GroundingDino(model_folders["grounding-dino"], device="cpu")
    sam = Sam(model_folders["sam"], device="cpu")

    def ask(seed: int) -> tuple[Any, Any]:
        picture = blocks(40 + 10 * (seed % 3), 60, seed)
        return detector.detect([picture], [["book"]])[0], sam.segment([box_request(picture, (0, 0, 30, 30))])[0]

    alone = [ask(seed) for seed in range(6)]
    fresh = [blocks(40 + 10 * (seed % 3), 60, seed).digest for seed in range(6)]
    for digest in fresh:
        detector.forget(digest)
        sam.forget(digest)
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(ask, range(6)))
    for (found, cut), (same_found, same_cut) in zip(alone, together, strict=True):
        np.testing.assert_array_equal(found.boxes, same_found.boxes)
        assert cut[0].masks == same_cut[0].masks


def test_services_one_picture_asked_by_many_threads_at_once_is_encoded_once(
    model_folders: dict[str, Path], sam: Sam
) -> None:
    detector = GroundingDino(model_folders["grounding-dino"], device="cpu")
    ready = Barrier(4)

    def ask(_worker: int) -> None:
        ready.wait()
        detector.detect([blocks()], [["book"]])
        sam.segment([box_request(blocks(), (0, 0, 30, 30))])

    eyes, encoder = detector._model.model.backbone, sam._model.vision_encoder
    with counted(eyes) as looked, counted(encoder) as encoded, ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    assert looked == encoded == [1]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_services_without_memory_say_so_and_what_to_do(
    model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    detector = GroundingDino(model_folders["grounding-dino"], device="cpu")
    sam = Sam(model_folders["sam"], device="cpu")

    def fail(*args: Any, **named: Any) -> None:
        raise error

    monkeypatch.setattr(detector._model, "forward", fail)
    monkeypatch.setattr(sam._model.vision_encoder, "forward", fail)
    for run in (
        lambda: detector.detect([blocks()], [["book"]]),
        lambda: sam.segment([box_request(blocks(), (0, 0, 20, 20))]),
    ):
        with pytest.raises(OutOfMemoryError, match="--models fast or demo"):
            run()
    monkeypatch.undo()
    assert len(sam.segment([box_request(blocks(), (0, 0, 20, 20))])) == 1


def test_services_failing_model_is_a_service_error(sam: Sam, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **named: Any) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(sam._model.vision_encoder, "forward", fail)
    with pytest.raises(ServiceError, match="mat1 and mat2") as caught:
        sam.segment([box_request(blocks(), (0, 0, 20, 20))])
    assert not isinstance(caught.value, OutOfMemoryError)


@pytest.mark.parametrize("device", ["cuda:7", "tpu", "cpu:1", ""])
def test_services_device_not_on_this_machine_lists_those_that_are(model_folders: dict[str, Path], device: str) -> None:
    with pytest.raises(ConfigError, match=r"expected one of auto.*cpu"):
        Sam(model_folders["sam"], device=device)


def test_services_half_precision_files_answer_in_full(sam: Sam, detector: GroundingDino) -> None:
    assert {weight.dtype for weight in sam._model.parameters()} == {torch.float32}
    assert {weight.dtype for weight in detector._model.parameters()} == {torch.float32}


def test_services_opening_and_answering_print_nothing(
    model_folders: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    GroundingDino(model_folders["grounding-dino"]).detect([blocks()], [["book"]])
    Sam(model_folders["sam"]).segment([box_request(blocks(), (0, 0, 20, 20))])
    assert capfd.readouterr() == ("", "")


def broken(folder: Path, kind: str) -> None:
    weights = folder / "model.safetensors"
    if kind == "pickled":
        torch.save({"a": torch.zeros(1)}, folder / "pytorch_model.bin")
        weights.unlink()
    elif kind == "no config":
        (folder / "config.json").unlink()
    elif kind == "cut off":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif kind == "no processor":
        for name in ("preprocessor_config.json", "processor_config.json"):
            (folder / name).unlink(missing_ok=True)
    elif kind == "weights of another":
        from safetensors.torch import load_file, save_file

        kept = dict(list(load_file(weights).items())[::2])
        save_file(kept, weights, metadata={"format": "pt"})
    elif kind == "settings":
        (folder / "askmask.json").write_text('{"threshold": 7}')
    elif kind == "code":
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(
            json.dumps(config | {"model_type": "own", "auto_map": {"AutoConfig": "c.C"}})
        )
        (folder / "c.py").write_text("raise SystemExit('code of a model was run')")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("pickled", "Pickled weights can run code and are not read"),
        ("no config", "holds no config.json"),
        ("cut off", "cannot be opened"),
        ("no processor", "cannot be opened"),
        ("weights of another", "lacks .* weights"),
        ("settings", "askmask.json=.* is not valid"),
        ("code", "cannot be opened"),
    ],
)
@pytest.mark.parametrize("name", ["grounding-dino", "sam"])
def test_services_unusable_folder_says_what_is_wrong(
    model_folders: dict[str, Path], tmp_path: Path, name: str, kind: str, says: str
) -> None:
    folder = shutil.copytree(model_folders[name], tmp_path / "m")
    broken(folder, kind)
    with pytest.raises(ConfigError, match=says):
        (Sam if name == "sam" else GroundingDino)(folder)


def test_services_model_of_the_other_kind_names_its_type(model_folders: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="is a sam model: expected grounding-dino or mm-grounding-dino"):
        GroundingDino(model_folders["sam"])
    with pytest.raises(ConfigError, match="is a grounding-dino model: expected sam"):
        Sam(model_folders["grounding-dino"])


@pytest.mark.parametrize(
    ("name", "service", "kind"),
    [
        ("grounding-dino", GroundingDino, "GroundingDino"),
        ("mm-grounding-dino", GroundingDino, "GroundingDino"),
        ("sam", Sam, "Sam"),
    ],
)
def test_services_folder_laid_out_as_on_the_hub_opens_without_torchvision(
    model_folders: dict[str, Path], tmp_path: Path, name: str, service: Callable[..., Any], kind: str
) -> None:
    folder = shutil.copytree(model_folders[name], tmp_path / "m")
    processor = json.loads((folder / "processor_config.json").read_text())
    images = processor["image_processor"] | {"image_processor_type": f"{kind}ImageProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(images | {"processor_class": f"{kind}Processor"}))
    (folder / "processor_config.json").unlink()
    opened, expected = (
        service(folder)._processor.image_processor,
        service(model_folders[name])._processor.image_processor,
    )
    assert type(opened) is type(expected)
    assert opened.size == expected.size


def test_checkpoint_settings_absent_file_leaves_the_familys_defaults(
    model_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(model_folders["mm-grounding-dino"], tmp_path / "m")
    (folder / "askmask.json").unlink()
    detector = GroundingDino(folder)
    assert (detector.threshold, detector.floor) == (0.3, 0.15)
    assert CheckpointSettings.read(folder) == CheckpointSettings()
