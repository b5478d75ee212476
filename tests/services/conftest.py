"""Tiny models with random weights, saved as real ones are, and pictures to show them."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertTokenizer,
    CLIPTokenizer,
    ConvNextConfig,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    GroundingDinoProcessor,
    MMGroundingDinoConfig,
    MMGroundingDinoForObjectDetection,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessorPil,
    Owlv2Processor,
    SamConfig,
    SamImageProcessorPil,
    SamMaskDecoderConfig,
    SamModel,
    SamProcessor,
    SamPromptEncoderConfig,
    SamVisionConfig,
)

from agent_tools.pictures import Picture
from tests.model_servers import LocalModels, front_server, ray_server
from tests.services.original_layouts import small_vocabulary

MAX_TOKENS = 24
QUERIES = 12
DEMO = Path(__file__).parents[2] / "agent_tools" / "services" / "demo"


def picture(width: int, height: int, seed: int = 0) -> Picture:
    """A picture of blocks of random colours."""
    blocks = np.random.default_rng(seed).integers(0, 255, (4, 5, 3), np.uint8)
    rows, columns = np.arange(height) * 4 // height, np.arange(width) * 5 // width
    return Picture.from_array(blocks[rows][:, columns])


def save_detector(folder: Path, family: str) -> Path:
    """A Grounding DINO of either family, about 200,000 weights."""
    torch.manual_seed(0)
    vocabulary = small_vocabulary()
    folder.mkdir(parents=True)
    tokenizer = BertTokenizer(vocab={word: index for index, word in enumerate(vocabulary)})
    text = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    eyes = ConvNextConfig(hidden_sizes=[8, 16, 16, 16], depths=[1, 1, 1, 1], out_features=["stage2", "stage3"])
    config_class, model_class = {
        "grounding-dino": (GroundingDinoConfig, GroundingDinoForObjectDetection),
        "mm-grounding-dino": (MMGroundingDinoConfig, MMGroundingDinoForObjectDetection),
    }[family]
    config = config_class(
        backbone_config=eyes,
        text_config=text,
        num_queries=QUERIES,
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_feature_levels=2,
        max_text_len=MAX_TOKENS,
    )
    processor = GroundingDinoProcessor(
        GroundingDinoImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 200}), tokenizer
    )
    model_class(config).half().save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "askmask.json").write_text(json.dumps({"threshold": 0.5, "floor": 0.05}))
    return folder


def save_owlv2(folder: Path) -> Path:
    """An OWLv2 of about 40,000 weights, which reads letters."""
    torch.manual_seed(0)
    letters = [*string.ascii_lowercase, *(f"{letter}</w>" for letter in string.ascii_lowercase)]
    vocabulary = {token: index for index, token in enumerate(["!", *letters, "<|startoftext|>", "<|endoftext|>"])}
    last = len(vocabulary) - 1
    config = Owlv2Config(
        text_config={
            "vocab_size": len(vocabulary),
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 40,
            "pad_token_id": 0,
            "bos_token_id": last - 1,
            "eos_token_id": last,
        },
        vision_config={
            "hidden_size": 24,
            "intermediate_size": 24,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 96,
            "patch_size": 16,
        },
        projection_dim=16,
    )
    tokenizer = CLIPTokenizer(
        vocab=vocabulary, merges=[], pad_token="!", bos_token="<|startoftext|>", eos_token="<|endoftext|>"
    )
    images = Owlv2ImageProcessorPil(size={"height": 96, "width": 96})
    Owlv2ForObjectDetection(config).half().save_pretrained(folder)
    Owlv2Processor(images, tokenizer).save_pretrained(folder)
    (folder / "askmask.json").write_text(json.dumps({"threshold": 0.5, "floor": 0.05}))
    return folder


def save_segmenter(folder: Path) -> Path:
    """A SAM of about 100,000 weights."""
    torch.manual_seed(0)
    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=32,
            output_channels=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            image_size=64,
            patch_size=8,
            window_size=4,
            global_attn_indexes=[1],
            num_pos_feats=16,
            mlp_dim=32,
            initializer_range=0.02,
        ),
        prompt_encoder_config=SamPromptEncoderConfig(hidden_size=32, image_size=64, patch_size=8),
        mask_decoder_config=SamMaskDecoderConfig(
            hidden_size=32, mlp_dim=32, num_attention_heads=2, iou_head_hidden_dim=32
        ),
    )
    processor = SamProcessor(
        SamImageProcessorPil(
            size={"longest_edge": 64},
            pad_size={"height": 64, "width": 64},
            mask_size={"longest_edge": 32},
            mask_pad_size={"height": 32, "width": 32},
        )
    )
    SamModel(config).half().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of saved models, by name; the bundled ones where they are there."""
    base = tmp_path_factory.mktemp("models")
    folders = {family: save_detector(base / family, family) for family in ("grounding-dino", "mm-grounding-dino")}
    folders["owlv2"] = save_owlv2(base / "owlv2")
    folders["sam"] = save_segmenter(base / "sam")
    for role in ("detector", "segmenter"):
        folders[f"demo-{role}"] = DEMO / role
    return folders


@pytest.fixture(scope="session")
def fake_server() -> Iterator[str]:
    """The front of a model server over the fakes, in this process."""
    with front_server(LocalModels()) as address:
        yield address


@pytest.fixture(scope="session")
def demo_server() -> Iterator[str]:
    """`askmask serve` with the bundled models, its segmenter twice."""
    if not (DEMO / "detector" / "model.safetensors").is_file():
        pytest.skip("the bundled models are not in this checkout")
    with ray_server("--models", "demo", "--segmenter-replicas", "2", "--device", "cpu") as (address, _):
        yield address
