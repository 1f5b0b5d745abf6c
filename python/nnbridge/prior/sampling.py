# SPDX-License-Identifier: MIT
"""From logits to a token: temperature, top-k and nucleus sampling.

No ``from __future__ import annotations`` here: TorchScript compiles this function.
"""

import torch


def sample(
    logits: torch.Tensor, temperature: float, top_k: int, top_p: float, numbers: torch.Tensor
) -> torch.Tensor:
    """Draw one token per row by inverting the cumulative distribution.

    Args:
        logits: [batch, vocabulary].
        temperature: divides the logits; 0 takes the most likely token.
        top_k: only the k most likely tokens; 0 for all.
        top_p: only the most likely tokens that together reach this probability, after top_k and
            temperature (nucleus sampling, Holtzman et al. 2020); 1 for all.
        numbers: [batch] float64 in [0, 1), which alone decide.

    Returns:
        [batch] long.
    """
    if temperature == 0.0 or top_k == 1:
        return logits.argmax(-1)
    scaled = logits.cpu().double()  # Apple's GPUs have no double precision
    # The largest becomes 0, so that no temperature, however small, makes an infinity.
    scaled = (scaled - scaled.max(-1, keepdim=True)[0]) / temperature
    if 0 < top_k < logits.shape[-1]:
        least = scaled.topk(top_k, -1)[0][:, -1:]
        scaled = scaled.masked_fill(scaled < least, float("-inf"))
    probabilities = scaled.softmax(-1)
    if top_p < 1.0:
        ordered, order = probabilities.sort(-1, descending=True)
        # A token stays if those before it do not reach top_p yet: the first one always does.
        before = ordered.cumsum(-1) - ordered
        drop = (before >= top_p) & (before > 0.0)
        dropped = torch.zeros_like(drop).scatter(-1, order, drop)
        probabilities = probabilities.masked_fill(dropped, 0.0)
    heights = probabilities.cumsum(-1)
    # Side "right": the first token whose height is above the number, so never one of no mass.
    target = (numbers * heights[:, -1]).unsqueeze(-1)
    found = torch.searchsorted(heights, target, right=True).squeeze(-1)
    return found.clamp(max=logits.shape[-1] - 1).to(logits.device)
