# SPDX-License-Identifier: MIT
"""Why some operations cannot be streamed, and what to do instead. One table, read by people too."""

from __future__ import annotations

_WHOLE = "it reads the whole signal before it gives a frame"
_RULE = "give the module that holds it a streaming rule (nnbridge.streaming.rule)"
_MEAN = "use statistics that training fixed (BatchNorm1d in eval mode), or normalise each frame"

REFUSALS: dict[str, tuple[str, str]] = {
    "InstanceNorm1d": ("it takes its mean and variance over all of time", _MEAN),
    "GroupNorm": (
        "it takes its mean and variance over all of time",
        "normalise each frame over its channels (LayerNorm between two transpositions), or use "
        "BatchNorm1d",
    ),
    "AdaptiveAvgPool1d": (f"{_WHOLE} (a global mean)", "pool over a fixed window with AvgPool1d"),
    "AdaptiveMaxPool1d": (f"{_WHOLE} (a global maximum)", "pool over a fixed window (MaxPool1d)"),
    "MultiheadAttention": (
        "attention lets every frame read every other, those to come included",
        "limit it to a causal window with a cache, in a module with a streaming rule",
    ),
    "Flatten": ("it mixes time with other axes", "keep time an axis of its own"),
    "Unfold": ("it mixes time with other axes", _RULE),
    "Fold": ("it mixes time with other axes", _RULE),
    "flip": ("it turns time around, so its first frame is the last to come", "flip channels only"),
    "roll": ("it takes frames from the end of the signal to its start", "use padding and a slice"),
    "cumsum": ("it adds up all frames since the start, a state of its own", _RULE),
    "stft": ("it frames the signal with reflected edges and moves time to another axis", _RULE),
    "istft": ("it divides by a window sum that differs at the edges", _RULE),
    "einsum": ("it may mix frames in any way", "write it as Conv1d of kernel 1, or matmul"),
    "bmm": ("it may mix frames in any way", "write it as Conv1d of kernel 1"),
    "scaled_dot_product_attention": (
        "attention lets every frame read every other, those to come included",
        "limit it to a causal window with a cache, in a module with a streaming rule",
    ),
}
for _name in ("InstanceNorm2d", "LazyInstanceNorm1d", "instance_norm"):
    REFUSALS[_name] = REFUSALS["InstanceNorm1d"]
for _name in ("group_norm",):
    REFUSALS[_name] = REFUSALS["GroupNorm"]
for _name in ("adaptive_avg_pool1d", "adaptive_max_pool1d"):
    REFUSALS[_name] = REFUSALS["AdaptiveAvgPool1d" if "avg" in _name else "AdaptiveMaxPool1d"]
for _name in ("TransformerEncoder", "TransformerEncoderLayer", "TransformerDecoder", "Transformer",
              "TransformerDecoderLayer", "multi_head_attention_forward"):  # fmt: skip
    REFUSALS[_name] = REFUSALS["MultiheadAttention"]
for _name in ("flatten", "unfold", "fold"):
    REFUSALS[_name] = REFUSALS["Unfold"]
for _name in ("cumprod", "cummax", "cummin", "logcumsumexp"):
    REFUSALS[_name] = REFUSALS["cumsum"]

UNKNOWN = (
    "nnbridge does not know whether it treats every frame alike",
    "write it with operations it knows (docs/streaming.md), or " + _RULE,
)


def reason(name: str) -> tuple[str, str]:
    """Why, and what to do, for an operation of this name."""
    return REFUSALS.get(name, UNKNOWN)
