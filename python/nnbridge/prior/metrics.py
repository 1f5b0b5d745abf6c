# SPDX-License-Identifier: MIT
"""Accuracy and perplexity as the thesis defines them (section 4.5), and the cross-entropy.

No ``from __future__ import annotations`` here: TorchScript compiles these functions.
"""

import torch


def accuracy(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Whether the most likely token is the right one: 1 or 0.

    Args:
        logits: [..., vocabulary].
        tokens: [...] long.

    Returns:
        [...] float32; its mean is the accuracy.
    """
    return (logits.argmax(-1) == tokens).float()


def perplexity(logits: torch.Tensor) -> torch.Tensor:
    """The exponential of the entropy of each prediction: between 1 and the vocabulary.

    Args:
        logits: [..., vocabulary].

    Returns:
        [...]; its mean over steps and quantisers is the perplexity.
    """
    logs = logits.float().log_softmax(-1)
    return torch.special.entr(logs.exp()).sum(-1).exp()  # type: ignore[no-any-return]


def cross_entropy(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Equation 4.6, per token, in nats: [..., vocabulary] and [...] to [...]."""
    return -logits.float().log_softmax(-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
