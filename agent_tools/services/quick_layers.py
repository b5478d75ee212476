"""Layers of Grounding DINO that answer as transformers' do with less work, for inference only.

The model fuses words with a picture in layers of three parts (Liu et al. 2023, "Grounding DINO", section 3.2):
attention between words and picture, after GLIP (Li et al. 2022, "Grounded Language-Image Pre-training"); deformable
attention within the picture; and a feed-forward network. What is left out here changes no number beyond rounding:

- Attention with few words. A score is a product of three matrices, picture times projections times words; taken from
  the words' side, the wide projections of the picture are never worked out. Likewise what flows in either direction.
- The feed-forward network goes through the picture in stretches that fit a CPU's cache.
- Attention maps that nobody reads are not kept.

This module does not know phrases, pictures or where models come from.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from agent_tools.services.cuda_graphs import replay
from agent_tools.services.deformable_attention import DeformableAttention
from agent_tools.services.precision import keep_exact, store

_TOKENS_AT_ONCE = 2048
"""Tokens that a CPU takes through a feed-forward network together."""


def prepare(model: Any, device: torch.device, precision: torch.dtype) -> None:
    """Make a (MM-)Grounding DINO fast on a device: our layers, formats of its parts, and on CUDA graphs.

    Args:
        model: ready to answer; it changes in place.
        device: where it runs.
        precision: of the heavy layers. The decoder and the box heads stay in float32: they are a twentieth of the
            work, and what they give are coordinates.
    """
    inner = model.model
    quicken(model, device)
    store(inner.backbone, precision)
    for layer in inner.encoder.layers:
        store(layer.deformable_layer.fc1, precision)
        store(layer.deformable_layer.fc2, precision)
    if precision != torch.float32:
        for part in (inner.decoder, *model.bbox_embed):
            keep_exact(part)
    for part in (inner.encoder, inner.decoder):
        replay(part, device)


def quicken(model: nn.Module, device: torch.device) -> int:
    """Put the layers here in the place of transformers' own, wherever the model has them; their weights are shared.

    Args:
        model: a (MM-)Grounding DINO, ready to answer.
        device: where it is going to run; the layers are for a CPU and for CUDA.

    Returns:
        How many layers were replaced; 0 for a model of another kind, or another device.
    """
    if device.type not in ("cpu", "cuda"):
        return 0
    replaced = 0
    for parent in reversed(list(model.modules())):  # inner ones first: a layer takes over what lies in it
        for name, theirs in list(parent.named_children()):
            kind = type(theirs).__name__.removeprefix("MM").removeprefix("GroundingDino")
            ours = _OURS.get(kind) if type(theirs).__module__.startswith("transformers.") else None
            if ours is not None:
                setattr(parent, name, ours(theirs).eval())
                replaced += 1
    return replaced


class FusionLayer(nn.Module):
    """Attention between words and picture, in both directions at once, from the same scores.

    transformers' limit on scores (50,000 below the largest) is left out: what is that far below counts nothing.
    """

    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.layer_norm_vision, self.layer_norm_text = theirs.layer_norm_vision, theirs.layer_norm_text
        self.vision_param, self.text_param = theirs.vision_param, theirs.text_param
        self.attn = theirs.attn

    def forward(
        self,
        vision_features: Tensor,
        text_features: Tensor,
        attention_mask_vision: Tensor | None = None,
        attention_mask_text: Tensor | None = None,
    ) -> tuple[tuple[Tensor, None], tuple[Tensor, None]]:
        """Tell the picture about the words and the words about the picture.

        Args:
            vision_features: (B, N, C).
            text_features: (B, T, C).
            attention_mask_vision: (B, N) bool, True where a token is padding.
            attention_mask_text: (B, T) bool, likewise.

        Returns:
            Both, the same shapes, each with None where transformers has its attention weights.
        """
        picture, words = self.layer_norm_vision(vision_features), self.layer_norm_text(text_features)
        # Little work, and scores of this size do not fit half precision.
        with torch.autocast(picture.device.type, enabled=False):
            picture, words = self._attend(picture.float(), words.float(), attention_mask_vision, attention_mask_text)
        return (picture, None), (words, None)

    def _attend(
        self, picture: Tensor, words: Tensor, no_picture: Tensor | None, no_words: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        attn, heads, length = self.attn, int(self.attn.num_heads), words.shape[1]
        ask, read = (_by_head(linear, heads) for linear in (attn.vision_proj, attn.values_vision_proj))

        # A row of N scores for each head and word, so that both softmaxes run over few, long rows.
        keys = _split(attn.text_proj(words), heads) * attn.scale
        key_bias = (keys @ ask.bias[..., None]).flatten(1, 2)
        scores = torch.baddbmm(key_bias, (keys @ ask.weight).flatten(1, 2), picture.transpose(1, 2))

        from_picture = scores if no_picture is None else scores.masked_fill(no_picture[:, None], -torch.inf)
        seen = torch.unflatten(from_picture.softmax(-1) @ picture, 1, (heads, length))
        heard = seen @ read.weight.transpose(1, 2) + read.bias[:, None]
        to_words = attn.out_text_proj(heard.transpose(1, 2).flatten(2))

        from_words = torch.unflatten(scores, 1, (heads, length))
        if no_words is not None:
            from_words = from_words.masked_fill(no_words[:, None, :, None], -torch.inf)
        shares = from_words.softmax(2).flatten(1, 2).transpose(1, 2)
        # What each word says to a token of the picture, the layer's projection and scale included. A head's shares sum
        # to 1, so that its part of the bias may go with the words.
        outward = attn.out_vision_proj.weight.unflatten(1, (heads, -1)).permute(1, 2, 0)
        said = _split(attn.values_text_proj(words), heads) @ outward + attn.out_vision_proj.bias / heads
        picture = torch.baddbmm(picture, shares, (said * self.vision_param).flatten(1, 2))
        return picture, words + self.text_param * to_words


class DeformableLayer(nn.Module):
    """Deformable attention within the picture, then a feed-forward network, stretch by stretch on a CPU."""

    def __init__(self, theirs: Any) -> None:
        super().__init__()
        self.self_attn, self.self_attn_layer_norm = theirs.self_attn, theirs.self_attn_layer_norm
        self.fc1, self.fc2, self.activation_fn = theirs.fc1, theirs.fc2, theirs.activation_fn
        self.final_layer_norm = theirs.final_layer_norm

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, **maps: Any) -> tuple[Tensor, None]:
        """One layer on the tokens of the picture.

        Args:
            hidden_states: (B, N, C).
            attention_mask: (B, N) bool, False where a token is padding.
            maps: what `DeformableAttention` wants to know about the maps.

        Returns:
            (B, N, C), and None where transformers has the attention weights.
        """
        attended, _ = self.self_attn(
            hidden_states=hidden_states, attention_mask=attention_mask, encoder_hidden_states=hidden_states, **maps
        )
        every = self.self_attn_layer_norm(hidden_states + attended)
        count = every.shape[1]
        step = max(1, _TOKENS_AT_ONCE // len(every)) if every.device.type == "cpu" else count
        done = [self._fed(every[:, begin : begin + step]) for begin in range(0, count, step)]
        return done[0] if len(done) == 1 else torch.cat(done, dim=1), None

    def _fed(self, some: Tensor) -> Tensor:
        fed: Tensor = self.final_layer_norm(some + self.fc2(self.activation_fn(self.fc1(some))))
        return fed


class _ByHead(NamedTuple):
    """A projection's parameters a head: (H, D, C) weight and (H, D) bias."""

    weight: Tensor
    bias: Tensor


def _by_head(linear: nn.Linear, heads: int) -> _ByHead:
    return _ByHead(*(torch.unflatten(some, 0, (heads, -1)) for some in (linear.weight, linear.bias)))


def _split(of_words: Tensor, heads: int) -> Tensor:
    """(B, T, H * D) → (B, H, T, D)."""
    return torch.unflatten(of_words, -1, (heads, -1)).transpose(1, 2)


_OURS: dict[str, type[nn.Module]] = {
    "MultiscaleDeformableAttention": DeformableAttention,
    "FusionLayer": FusionLayer,
    "DeformableLayer": DeformableLayer,
}
"""transformers' class, without the model's name → ours."""
