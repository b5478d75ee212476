"""Checkpoints as their authors laid them out: every weight finds its place, and what is no such file is told apart."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import BertTokenizer, GroundingDinoForObjectDetection, SamModel

from agent_tools.errors import ConfigError, ServiceError
from agent_tools.services.base import Prompt, SegmentRequest
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_detector, build_segmenter
from agent_tools.services.grounding_dino import GroundingDino
from agent_tools.services.original_grounding_dino import LAYOUT as DINO
from agent_tools.services.original_grounding_dino import grounding_dino_config, open_original_grounding_dino
from agent_tools.services.original_sam import LAYOUT as SAM
from agent_tools.services.original_sam import open_original_sam, sam_config
from agent_tools.services.originals import Layout, rename
from agent_tools.services.sam import Sam
from tests.services.conftest import picture
from tests.services.original_layouts import (
    DINO_TINY,
    SAM_B,
    SAM_H,
    SAM_L,
    SAM_TINY,
    SWIN_B,
    SWIN_T,
    DinoSizes,
    SamSizes,
    digest,
    grounding_dino_shapes,
    sam_shapes,
    small_vocabulary,
    waves,
    weights,
)

OTHER_NAMES = {"prompt_encoder.shared_embedding.positional_embedding"}
"""Of transformers, for a weight that has another of its names already."""
UNREAD = re.compile(r".*\.swin\.layernorm\..*")
"""Of transformers; only its classifiers read it."""
SWIN_AS_SAVED = (
    ("conv_encoder.model.", "conv_encoder.model.swin."),
    ("attention.self.relative_position", "attention.relative_position_bias.relative_position"),
    ("attention.self.query", "attention.q_proj"),
    ("attention.self.key", "attention.k_proj"),
    ("attention.self.value", "attention.v_proj"),
    ("attention.output.dense", "attention.o_proj"),
    ("intermediate.dense", "mlp.fc1"),
    ("output.dense", "mlp.fc2"),
)
"""transformers' names in files → in memory, of its Swin."""


@cache
def small(shapes: Callable[[Any], dict[str, tuple[int, ...]]], size: Any) -> dict[str, torch.Tensor]:
    """Weights, made once."""
    return weights(shapes(size))


def sam_file(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda made: made) -> Path:
    path = folder / "sam_vit_b_01ec64.pth"
    torch.save(change(small(sam_shapes, SAM_TINY)), path)
    return path


def dino_file(folder: Path, change: Callable[[dict[str, Any]], Any] = lambda made: {"model": made}) -> Path:
    path = folder / "groundingdino_swint_ogc.pth"
    torch.save(change(small(grounding_dino_shapes, DINO_TINY)), path)
    (folder / "vocab.txt").write_text("\n".join(small_vocabulary()), encoding="utf-8")
    return path


def placed(made: Mapping[str, torch.Tensor], layout: Layout) -> dict[str, torch.Tensor]:
    """The weights under the names that transformers has for them in memory."""
    kept = {name.removeprefix("module."): tensor for name, tensor in made.items()}
    ignored = [
        re.compile(re.escape(pattern).replace(r"\*\*", ".+").replace(r"\*", "[^.]+")) for pattern in layout.ignored
    ]
    kept = {name: tensor for name, tensor in kept.items() if not any(some.fullmatch(name) for some in ignored)}
    ours = {}
    for name, tensor in rename(kept, layout.names):
        if "conv_encoder.model.e" in name:
            for saved, here in SWIN_AS_SAVED:
                name = name.replace(saved, here, 1)
        assert name not in ours, "two weights with one name"
        ours[name] = tensor
    return ours


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (sam_shapes(SAM_B), "6cd20b36b281cbbb"),
        (sam_shapes(SAM_L), "6491350c4f899f01"),
        (sam_shapes(SAM_H), "8b599cb3f8332b1a"),
        (grounding_dino_shapes(SWIN_T), "d20ae7222cdf9414"),
        (grounding_dino_shapes(SWIN_B), "1885bb4301dd8de1"),
    ],
    ids=["vit_b", "vit_l", "vit_h", "swint_ogc", "swinb_cogcoor"],
)
def test_layout_at_true_size_is_what_the_authors_packages_make(
    shapes: Mapping[str, tuple[int, ...]], expected: str
) -> None:
    assert digest(shapes).startswith(expected)


@pytest.mark.parametrize("size", [SAM_TINY, SAM_B, SAM_L, SAM_H], ids=["tiny", "b", "l", "h"])
def test_sam_every_weight_has_one_place_and_every_place_a_weight(size: SamSizes) -> None:
    with torch.device("meta"):
        made = {name: torch.empty(shape) for name, shape in sam_shapes(size).items()}
        config = sam_config(made, "segmenter=x")
        places = {name: tensor.shape for name, tensor in SamModel(config).state_dict().items()}
    found = {name: tensor.shape for name, tensor in placed(made, SAM).items()}
    assert found == {name: shape for name, shape in places.items() if name not in OTHER_NAMES}
    assert len(found) == len(made)
    assert config.vision_config.num_attention_heads == size.heads
    assert tuple(config.vision_config.global_attn_indexes) == size.seeing_all


@pytest.mark.parametrize("size", [DINO_TINY, SWIN_T, SWIN_B], ids=["tiny", "swint", "swinb"])
def test_grounding_dino_every_weight_has_one_place_and_every_place_a_weight(size: DinoSizes) -> None:
    with torch.device("meta"):
        made = {name: torch.empty(shape) for name, shape in grounding_dino_shapes(size).items()}
        config = grounding_dino_config(
            {name.removeprefix("module."): some for name, some in made.items()}, "detector=x"
        )
        places = {name: some.shape for name, some in GroundingDinoForObjectDetection(config).state_dict().items()}
    found = {name: tensor.shape for name, tensor in placed(made, DINO).items()}
    assert found == {name: shape for name, shape in places.items() if not UNREAD.fullmatch(name)}
    assert (config.encoder_attention_heads, config.num_queries) == (size.attention_heads, size.queries)
    assert config.backbone_config.window_size == size.window


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_sam_file_gives_a_model_with_its_very_weights(tmp_path: Path, suffix: str, half: bool) -> None:
    made = small(sam_shapes, SAM_TINY)
    path = tmp_path / f"any_name{suffix}"
    saved = {name: tensor.half() if half else tensor for name, tensor in made.items()}
    (save_file if suffix == ".safetensors" else torch.save)(saved, path)
    model, _ = open_original_sam(path, "segmenter=x")
    there = model.state_dict()
    for name, tensor in placed(saved, SAM).items():
        assert there[name].dtype == torch.float32
        torch.testing.assert_close(there[name], tensor.float(), rtol=0, atol=0)
    positions = there["shared_image_embedding.positional_embedding"]
    assert torch.equal(there["prompt_encoder.shared_embedding.positional_embedding"], positions)
    assert {path.name for path in tmp_path.iterdir()} == {path.name}


def test_grounding_dino_file_gives_a_model_with_its_very_weights(tmp_path: Path) -> None:
    path = dino_file(tmp_path)
    made = torch.load(path)["model"]
    model, processor = open_original_grounding_dino(path, "detector=x")
    there = model.state_dict()
    for name, tensor in placed(made, DINO).items():
        torch.testing.assert_close(there[name], tensor, rtol=0, atol=0)
    attention = "transformer.encoder.text_layers.1.self_attn.in_proj_weight"
    key = there["model.encoder.layers.1.text_enhancer_layer.self_attn.key.weight"]
    assert torch.equal(key, made[f"module.{attention}"][256:512])
    assert processor.tokenizer.convert_tokens_to_ids(["[CLS]", "apple"]) == [101, 1034]


def test_sam_answers_what_the_authors_package_answers(tmp_path: Path) -> None:
    """The numbers are those of ``benchmarks/parity/tiny.py``: a table that swaps two weights of one size fails here."""
    model, _ = open_original_sam(sam_file(tmp_path), "segmenter=x")
    with torch.inference_mode():
        encoding = model.get_image_embeddings(waves(1, 3, 64, 64))
        answer = model(
            image_embeddings=encoding,
            input_points=torch.tensor([[[[20.0, 30.0]]]]),
            input_labels=torch.tensor([[[1]]]),
        )
    for ours, expected in (
        (encoding[0, :4, 2, 3], [-2.20266, -1.67715, 2.16413, 0.05909]),
        (answer.pred_masks[0, 0, :, 7, 11], [-0.05636, 0.16264, 0.02346]),
        (answer.iou_scores[0, 0], [1.11058, 0.378, -0.37275]),
    ):
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-4)


def test_grounding_dino_answers_what_the_authors_package_answers(tmp_path: Path) -> None:
    model, processor = open_original_grounding_dino(dino_file(tmp_path), "detector=x")
    words = processor.tokenizer("red apple. book.", return_tensors="pt")
    with torch.inference_mode():
        answer = model(pixel_values=waves(1, 3, 96, 128), **words)
    boxes = [
        [0.01943, 0.99148, 0.17178, 0.03455],
        [0.00559, 0.29308, 0.40256, 0.08421],
        [0.00047, 0.59636, 0.25119, 0.09499],
    ]
    logits = [
        [3.98166, 2.09103, -2.07426, 3.75218, 12.3153, 2.6806],
        [7.21316, 10.95717, 6.25798, 13.03903, 17.81652, 7.68505],
        [10.22235, 11.3862, 7.05728, 12.88071, 20.45262, 10.66878],
    ]
    np.testing.assert_allclose(answer.pred_boxes[0, :3].numpy(), boxes, atol=1e-3)
    np.testing.assert_allclose(answer.logits[0, :3, :6].numpy(), logits, atol=1e-2)


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made,
        lambda made: {"state_dict": made, "epoch": 3},
        lambda made: {"model": {name.removeprefix("module."): tensor for name, tensor in made.items()}},
        lambda made: {
            "model": made | {"module.label_enc.weight": torch.ones(2), "module.bert.pooler.x": torch.ones(1)}
        },
        lambda made: {"model": {name: tensor for name, tensor in made.items() if ".pooler." not in name}},
        lambda made: {"model": {name: tensor for name, tensor in made.items() if "decoder.bbox_embed" not in name}},
        lambda made: {"model": {name: tensor for name, tensor in made.items() if not name.startswith("module.bbox_")}},
    ],
    ids=["bare", "training", "unprefixed", "with-training-weights", "no-pooler", "heads-once", "heads-in-the-decoder"],
)
def test_grounding_dino_file_wrapped_in_any_usual_way_opens(tmp_path: Path, change: Any) -> None:
    path = dino_file(tmp_path, change)
    plain = small(grounding_dino_shapes, DINO_TINY)
    model, _ = open_original_grounding_dino(path, "detector=x")
    for name, expected in placed(plain, DINO).items():
        torch.testing.assert_close(model.state_dict()[name], expected, rtol=0, atol=0)


def test_sam_file_from_before_zip_archives_opens(tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save(small(sam_shapes, SAM_TINY), path, _use_new_zipfile_serialization=False)
    assert open_original_sam(path, "segmenter=x")[0].config.vision_config.num_hidden_layers == 3


def test_weights_of_a_file_stay_mapped(tmp_path: Path) -> None:
    path = sam_file(tmp_path)
    model, _ = open_original_sam(path, "segmenter=x")
    begin = next(model.vision_encoder.layers[0].mlp.parameters()).data_ptr()
    spans = [
        line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines() if str(path) in line
    ]
    assert any(int(first, 16) <= begin < int(last, 16) for first, last in spans)


def test_build_segmenter_authors_file_segments(tmp_path: Path) -> None:
    sam = build_segmenter(str(sam_file(tmp_path)), "cpu", EncodingCache(1 << 20))
    assert isinstance(sam, Sam)
    assert sam.input_side == 64
    prompts = [
        Prompt(box=np.array([10, 10, 60, 50], np.float32)),
        Prompt(points=np.array([[9, 9]]), labels=np.array([1])),
    ]
    ((boxed, clicked),) = sam.segment([SegmentRequest(picture(80, 60), prompts)])
    assert [len(boxed.masks), len(clicked.masks)] == [1, 3]
    assert (boxed.masks[0].width, boxed.masks[0].height) == (80, 60)


def test_build_detector_authors_file_detects(tmp_path: Path) -> None:
    detector = build_detector(str(dino_file(tmp_path)), "cpu", EncodingCache(1 << 20))
    assert isinstance(detector._inner, GroundingDino)  # type: ignore[attr-defined]
    assert detector.threshold == 0.35
    (found,) = detector.detect([picture(60, 10)], [["red apple", "book"]])
    assert set(found.phrase_indices) <= {0, 1}
    assert found.boxes.max() <= 60


def test_detector_words_are_found_in_a_folder_beside_the_file(tmp_path: Path) -> None:
    path = dino_file(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    words = {word: number for number, word in enumerate(small_vocabulary())}
    BertTokenizer(vocab=words).save_pretrained(tmp_path / "bert-base-uncased")
    _, processor = open_original_grounding_dino(path, "detector=x")
    assert processor.tokenizer("red apple.")["input_ids"] == [101, 1030, 1034, 1012, 102]


@pytest.mark.parametrize("hub_id", ["bert-base-uncased", "IDEA-Research/grounding-dino-tiny"])
def test_detector_words_are_found_in_the_hubs_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub_id: str
) -> None:
    from huggingface_hub import constants

    path = dino_file(tmp_path)
    cache = tmp_path / "hub" / f"models--{hub_id.replace('/', '--')}"
    kept = cache / "snapshots" / ("c" * 40)
    kept.mkdir(parents=True)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("c" * 40)
    (tmp_path / "vocab.txt").replace(kept / "vocab.txt")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    _, processor = open_original_grounding_dino(path, "detector=x")
    assert processor.tokenizer("apple")["input_ids"] == [101, 1034, 102]


def test_detector_without_words_says_where_to_put_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    path = dino_file(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    with pytest.raises(ServiceError, match=r"vocabulary google-bert/bert-base-uncased cannot be fetched .*Put token"):
        open_original_grounding_dino(path, "detector=x")


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?"], r"does not fit detector=x \(7 words"),
        ([*small_vocabulary(), "more"], r"does not fit detector=x \(1046 words"),
    ],
    ids=["other-numbers", "too-many"],
)
def test_detector_with_words_of_another_model_is_refused(tmp_path: Path, words: list[str], wrong: str) -> None:
    path = dino_file(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    with pytest.raises(ConfigError, match=wrong):
        open_original_grounding_dino(path, "detector=x")


class Trap:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("zipped", [True, False])
def test_file_with_code_is_refused_and_the_code_never_runs(tmp_path: Path, zipped: bool) -> None:
    sprung = tmp_path / "sprung"
    path = tmp_path / "sam.pth"
    torch.save({"model": Trap(sprung)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ConfigError, match="holds objects that are no tensors and could run code"):
        open_original_sam(path, "segmenter=x")
    assert not sprung.exists()


def written(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def cut(path: Path) -> None:
    written(path, path.read_bytes()[:-5000])


def saved(path: Path, *names: str) -> None:
    torch.save({name: torch.ones(2) for name in names}, path)


@pytest.mark.parametrize(
    ("spoil", "wrong"),
    [
        (cut, r"segmenter=x is cut short: .* Fetch it again"),
        (lambda path: written(path, b""), "is empty"),
        (
            lambda path: written(path, b"version https://git-lfs.github.com/spec/v1\noid"),
            "Git LFS pointer.*git lfs pull",
        ),
        (lambda path: written(path, b"<!DOCTYPE html>"), "is no checkpoint of PyTorch"),
        (lambda path: written(path, b"# notes"), "is no checkpoint of PyTorch"),
        (lambda path: written(path, pickle.dumps({"a": 1})), "cannot be read|could run code|no weights by name"),
        (lambda path: torch.save([torch.ones(1)], path), "holds no weights by name"),
        (lambda path: torch.save({"model": {"a": 1}}, path), "holds no weights by name"),
        (lambda path: saved(path, "mask_decoder.hf_token.weight"), "is SAM-HQ"),
        (lambda path: saved(path, "image_encoder.patch_embed.seq.0.c.weight"), "is MobileSAM"),
        (lambda path: saved(path, "image_encoder.trunk.blocks.0.norm1.weight"), "is SAM 2"),
        (lambda path: saved(path, "vision_encoder.pos_embed"), "as transformers saves it.*Give its folder"),
        (lambda path: saved(path, "module.transformer.tgt_embed.weight"), "is Grounding DINO.*as the detector"),
        (lambda path: saved(path, "conv1.weight"), r"is not Segment Anything .*\(conv1.weight, "),
        (lambda path: saved(path), r"is not Segment Anything .*\(no weights, "),
    ],
    ids=[
        *("cut", "empty", "lfs", "page", "text", "pickle", "list", "numbers", "hq", "mobile", "sam2", "transformers"),
        *("detector", "another", "nothing"),
    ],
)
def test_sam_wrong_file_is_told_apart(tmp_path: Path, spoil: Callable[[Path], None], wrong: str) -> None:
    path = sam_file(tmp_path)
    spoil(path)
    with pytest.raises(ConfigError, match=wrong):
        open_original_sam(path, "segmenter=x")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (
            lambda made: without(made, "image_encoder.blocks.1.mlp.lin1.bias"),
            r"lacks weights \(image_encoder.blocks.1.ml",
        ),
        (lambda made: without(made, "image_encoder.neck.0.weight"), r"lacks weights \(image_encoder.neck.0.weight"),
        (lambda made: made | {"adapter.weight": torch.ones(1)}, r"has surplus weights \(adapter.weight; 1 in all"),
        (
            lambda made: made | {"image_encoder.neck.1.bias": torch.ones(3)},
            r"has wrongly sized weights \(image_encoder.neck.1.bias",
        ),
        (
            lambda made: made | {"image_encoder.pos_embed": torch.ones(3)},
            r"has wrongly sized weights \(image_encoder.pos_embed, \[3\]\)",
        ),
    ],
    ids=["lacking", "lacking-a-size", "surplus", "size", "dimensions"],
)
def test_sam_changed_weights_are_named(tmp_path: Path, change: Any, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        open_original_sam(sam_file(tmp_path, change), "segmenter=x")


def without(made: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: tensor for key, tensor in made.items() if key != name}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda made: without(made, "module.feat_map.bias"), r"lacks weights \(feat_map.bias; 1 in all"),
        (lambda made: without(made, "module.transformer.level_embed"), r"lacks weights \(transformer.level_embed"),
        (
            lambda made: without(made, "module.transformer.decoder.layers.1.ca_text.in_proj_bias"),
            r"lacks weights \(transformer.decoder.layers.1.ca_text.in_proj_bias; 3 in all",
        ),
        (lambda made: {"language_model.language_backbone.x": torch.ones(1)}, "mmdetection.*hub id"),
        (lambda made: {"model.text_backbone.x": torch.ones(1)}, "as transformers saves it"),
        (lambda made: {"mask_decoder.iou_token.weight": torch.ones(1)}, "is Segment Anything.*as the segmenter"),
    ],
    ids=["lacking", "lacking-a-size", "lacking-a-joined-one", "mmdetection", "transformers", "segmenter"],
)
def test_grounding_dino_wrong_file_is_told_apart(tmp_path: Path, change: Any, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        open_original_grounding_dino(dino_file(tmp_path, change), "detector=x")


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs", b"\x00" * 40])
def test_safetensors_damaged_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sam.safetensors"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot be read .*whole safetensors file"):
        open_original_sam(path, "segmenter=x")


@pytest.mark.parametrize("typed", ["weights/sam_vit_b_01ec64.pth", "sam.pth", "a/b.safetensors"])
def test_file_that_is_not_there_is_not_looked_for_at_the_hub(typed: str) -> None:
    with pytest.raises(ConfigError, match=r"is not there: expected a file of weights\. Correct the path"):
        build_segmenter(typed, "cpu", EncodingCache(1))


def test_folder_with_a_lone_file_points_to_the_file(tmp_path: Path) -> None:
    sam_file(tmp_path)
    with pytest.raises(ConfigError, match=r"holds no config\.json.*Point to the file, such as sam_vit_b_01ec64\.pth"):
        build_segmenter(str(tmp_path), "cpu", EncodingCache(1))
