"""A few numbers of the authors' packages at a tiny size, for our tests to hold on to; runs in their environment.

    parity/bin/python benchmarks/parity/tiny.py

The weights and the input are those of `tests/services/original_layouts.py`, which follow from formulas, so that
`tests/services/test_originals.py` can make the same, open them with our code and expect the numbers printed here.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "services"))

import torch  # noqa: E402
from original_layouts import (  # type: ignore[import-not-found]  # noqa: E402
    DINO_TINY,
    SAM_TINY,
    grounding_dino_shapes,
    sam_shapes,
    small_vocabulary,
    waves,
    weights,
)

CAPTION = "red apple. book."


def sam() -> dict[str, torch.Tensor]:
    """The encoding's, the logits' and the IoU's first numbers for one click."""
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, TwoWayTransformer

    size = SAM_TINY
    side = size.cells * size.patch
    encoder = ImageEncoderViT(
        img_size=side,
        patch_size=size.patch,
        embed_dim=size.width,
        depth=size.depth,
        num_heads=size.heads,
        out_chans=size.embedded,
        norm_layer=lambda width: torch.nn.LayerNorm(width, eps=1e-6),
        use_rel_pos=True,
        window_size=size.window,
        global_attn_indexes=size.seeing_all,
    )
    prompts = PromptEncoder(size.embedded, (size.cells, size.cells), (side, side), mask_in_chans=16)
    transformer = TwoWayTransformer(depth=2, embedding_dim=size.embedded, num_heads=8, mlp_dim=size.hidden)
    decoder = MaskDecoder(transformer_dim=size.embedded, transformer=transformer)
    parts = {"image_encoder": encoder, "prompt_encoder": prompts, "mask_decoder": decoder}
    model = torch.nn.ModuleDict(parts).eval()
    model.load_state_dict(weights(sam_shapes(size)))
    encoding = encoder(waves(1, 3, side, side))
    sparse, dense = prompts((torch.tensor([[[20.0, 30.0]]]), torch.tensor([[1]])), None, None)
    logits, ious = decoder(encoding, prompts.get_dense_pe(), sparse, dense, multimask_output=True)
    return {"encoding": encoding[0, :4, 2, 3], "logits": logits[0, :, 7, 11], "ious": ious[0]}


def grounding_dino() -> dict[str, torch.Tensor]:
    """Three queries' boxes and logits."""
    from groundingdino.config import GroundingDINO_SwinT_OGC as published
    from groundingdino.models import build_model
    from groundingdino.models.GroundingDINO.backbone import backbone
    from groundingdino.models.GroundingDINO.backbone.swin_transformer import SwinTransformer
    from groundingdino.util import get_tokenlizer
    from groundingdino.util.slconfig import SLConfig
    from transformers import BertConfig, BertModel, BertTokenizerFast

    size = DINO_TINY
    text = BertConfig(
        vocab_size=size.words,
        hidden_size=size.text,
        num_hidden_layers=size.text_layers,
        num_attention_heads=1,
        intermediate_size=4 * size.text,
        max_position_embeddings=size.positions,
    )
    with tempfile.TemporaryDirectory() as folder:
        words = Path(folder) / "vocab.txt"
        words.write_text("\n".join(small_vocabulary()), encoding="utf-8")
        tokenizer = BertTokenizerFast(vocab_file=str(words))
    # The package knows the published sizes of Swin and the hub's BERT alone.
    get_tokenlizer.get_tokenlizer = lambda _: tokenizer
    get_tokenlizer.get_pretrained_language_model = lambda _: BertModel(text)
    backbone.build_swin_transformer = lambda *_, **__: SwinTransformer(
        embed_dim=size.swin,
        depths=list(size.depths),
        num_heads=list(size.heads),
        window_size=size.window,
        out_indices=(1, 2, 3),
    )
    settings = SLConfig.fromfile(published.__file__)
    changes = {
        "enc_layers": size.layers,
        "dec_layers": size.layers,
        "dim_feedforward": size.hidden,
        "nheads": size.attention_heads,
        "num_queries": size.queries,
        "device": "cpu",
    }
    for name, value in changes.items():
        setattr(settings, name, value)
    model = build_model(settings).eval()
    made = {name.removeprefix("module."): some for name, some in weights(grounding_dino_shapes(size)).items()}
    indices = {name: some for name, some in model.state_dict().items() if name.endswith("relative_position_index")}
    model.load_state_dict(made | indices)
    answer = model(waves(1, 3, 96, 128), captions=[CAPTION])
    return {"boxes": answer["pred_boxes"][0, :3], "logits": answer["pred_logits"][0, :3, :6]}


@torch.no_grad()
def main() -> None:
    """The command."""
    for name, run in (("sam", sam), ("grounding_dino", grounding_dino)):
        for what, numbers in run().items():
            print(f"{name} {what}: {[round(number, 5) for number in numbers.flatten().tolist()]}")


if __name__ == "__main__":
    main()
