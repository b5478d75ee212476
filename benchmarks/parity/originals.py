"""What the authors' own packages answer, with random weights of the true sizes; runs in their environment, not ours.

    parity/bin/python benchmarks/parity/originals.py --out DIR [--models sam_vit_b ...] [--seed N]

Writes, for each model, a checkpoint as its authors lay it out (`<model>.pth`), the same picture, and what the packages
segment-anything and groundingdino-py say about it (`<model>.answers.pth`). `python -m benchmarks.parity --from DIR`, in
our environment, opens the same checkpoints with our code and compares. Nothing is fetched: Grounding DINO's package
asks the hub for bert-base-uncased, and is given a folder instead, with a BERT of random weights and a vocabulary of our
own that has the special tokens where the real one has them. Needs `requirements.txt` beside this file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

SAMS = {"sam_vit_b": "vit_b", "sam_vit_l": "vit_l", "sam_vit_h": "vit_h"}
DINOS = {"gd_swint": "GroundingDINO_SwinT_OGC.py", "gd_swinb": "GroundingDINO_SwinB_cfg.py"}
CAPTION = "red apple. person in a shirt. book."
SIZE = (1200, 800)
PROMPTS: dict[str, dict[str, list[Any]]] = {
    "click": {"points": [[310.0, 220.0]], "labels": [1]},
    "clicks": {"points": [[310.0, 220.0], [700.0, 500.0], [40.0, 760.0]], "labels": [1, 1, 0]},
    "box": {"box": [120.0, 90.0, 840.0, 610.0]},
    "box and click": {"box": [120.0, 90.0, 840.0, 610.0], "points": [[400.0, 300.0]], "labels": [1]},
}
"""In pixels of the picture."""
WORDS = "red green apple orange book box person in a shirt s ##s".split()  # noqa: SIM905


def picture(seed: int) -> Image.Image:
    """Patches and waves of colour with a little noise: something to see at every scale."""
    random = np.random.default_rng(seed)
    width, height = SIZE
    patches = Image.fromarray(random.integers(0, 255, (10, 15, 3), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    waves = 40 * np.sin(across / 37)[..., None] * np.cos(down / 23)[..., None]
    noise = random.normal(0, 8, (height, width, 3))
    return Image.fromarray((np.asarray(patches) + waves + noise).clip(0, 255).astype(np.uint8))


@torch.no_grad()
def shake(model: torch.nn.Module, seed: int, scales: dict[str, float]) -> None:
    """Make every weight random: as initialised, many are 0 or 1 and would hide a weight put in the wrong place.

    Args:
        model: changed in place.
        seed: of the noise.
        scales: a part of a weight's name → the spread of its noise; 0.02 for all others.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        spread = next((spread for part, spread in scales.items() if part in name), 0.02)
        weight.add_(spread * torch.randn(weight.shape, generator=generator))


def layout_digest(state: dict[str, torch.Tensor]) -> str:
    """SHA-256 over the sorted lines ``name [sizes]``, as `tests/services/original_layouts.py` has it."""
    lines = [f"{name} {list(weight.shape)}\n" for name, weight in sorted(state.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def run_sam(name: str, seed: int, out: Path) -> dict[str, Any]:
    """Segment Anything's encoder, decoder and masks."""
    from segment_anything import SamPredictor, sam_model_registry

    torch.manual_seed(seed)
    model = sam_model_registry[SAMS[name]]()
    shake(model, seed, {"norm": 0.1, "pos_embed": 0.1, "rel_pos": 0.1})
    torch.save(model.state_dict(), out / f"{name}.pth")
    predictor = SamPredictor(model)
    began = time.perf_counter()
    predictor.set_image(np.asarray(Image.open(out / "picture.png")))
    answers: dict[str, Any] = {"embedding": predictor.get_image_embedding(), "seconds": time.perf_counter() - began}
    for kind, prompt in PROMPTS.items():
        given = {key: np.array(value) for key, value in prompt.items()}
        masks, ious, logits = predictor.predict(
            point_coords=given.get("points"),
            point_labels=given.get("labels"),
            box=given.get("box"),
            multimask_output=kind == "click",
        )
        answers[kind] = {"masks": torch.tensor(masks), "ious": torch.tensor(ious), "logits": torch.tensor(logits)}
    return {"layout": layout_digest(model.state_dict()), **answers}


def write_bert(folder: Path, seed: int) -> None:
    """A folder that stands in for bert-base-uncased: its sizes and special tokens, weights and words of our own."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = [f"[unused{number}]" for number in range(30522)]
    places = {0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]", 1012: ".", 1029: "?"}
    for number, word in {**places, **dict(enumerate(WORDS, 2000))}.items():
        words[number] = word
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    torch.manual_seed(seed)
    BertModel(BertConfig()).save_pretrained(folder)


def run_dino(name: str, seed: int, out: Path) -> dict[str, Any]:
    """Grounding DINO's raw logits and boxes for a prompt of several phrases."""
    import groundingdino
    from groundingdino.models import build_model
    from groundingdino.util.inference import load_image
    from groundingdino.util.slconfig import SLConfig

    bert = out / "bert-base-uncased"
    if not bert.is_dir():
        write_bert(bert, seed)
    settings = SLConfig.fromfile(str(Path(groundingdino.__file__).parent / "config" / DINOS[name]))
    settings.device, settings.text_encoder_type = "cpu", str(bert)
    torch.manual_seed(seed)
    model = build_model(settings).eval()
    shake(model, seed, {"gamma_": 0.3, "norm": 0.05, "sampling_offsets": 0.1, "bias_table": 0.1, "_embed": 0.05})
    weights = {f"module.{key}": weight for key, weight in model.state_dict().items()}
    torch.save({"model": weights}, out / f"{name}.pth")
    _, prepared = load_image(str(out / "picture.png"))
    kept: dict[str, torch.Tensor] = {}
    model.transformer.encoder.register_forward_hook(lambda _module, _given, answer: kept.update(memory=answer[0]))
    began = time.perf_counter()
    with torch.no_grad():
        answer = model(prepared[None], captions=[CAPTION])
    return {
        "layout": layout_digest(weights),
        "seconds": time.perf_counter() - began,
        "pixels": prepared,
        "memory": kept["memory"],
        "logits": answer["pred_logits"][0],
        "boxes": answer["pred_boxes"][0],
        "tokens": torch.tensor(model.tokenizer(CAPTION)["input_ids"]),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to; 0.4 to 2.5 GB a model")
    parser.add_argument("--models", nargs="+", choices=[*SAMS, *DINOS], default=["sam_vit_b", "gd_swint"])
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    picture(chosen.seed).save(chosen.out / "picture.png")
    asked = {"prompts": PROMPTS, "caption": CAPTION, "seed": chosen.seed, "torch": torch.__version__}
    (chosen.out / "asked.json").write_text(json.dumps(asked), encoding="utf-8")
    for name in chosen.models:
        print(f"{name} ...", file=sys.stderr)
        answers = (run_sam if name in SAMS else run_dino)(name, chosen.seed, chosen.out)
        torch.save(answers, chosen.out / f"{name}.answers.pth")
        print(f"{name}: layout {answers['layout'][:16]}, {answers['seconds']:.1f} s")


if __name__ == "__main__":
    main()
