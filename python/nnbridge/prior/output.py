# SPDX-License-Identifier: MIT
"""From the temporal model's context to logits, one quantiser after the other.

Every output has the same three methods, and what it does not need it ignores:

- ``forward(contexts [batch, steps, Q, width], tokens [batch, steps, Q])`` gives the logits
  [batch, steps, Q, vocabulary] of whole sequences, where token q of a step is predicted from
  tokens before q only;
- ``one(context [batch, width], known [batch, width], quantiser)`` gives those of one token,
  [batch, vocabulary];
- ``learn(token [batch], quantiser)`` is what a token adds to ``known`` for the quantisers after it.

No ``from __future__ import annotations`` here: TorchScript compiles these classes.
"""

import torch
from torch import nn
from torch.nn import functional as F


class Linears(nn.Module):
    """One linear layer per quantiser, weights stacked so that a number chooses.

    Args:
        quantisers: how many.
        inputs: width of the input.
        outputs: width of the output.
    """

    def __init__(self, quantisers: int, inputs: int, outputs: int) -> None:
        super().__init__()
        # LeCun's initialisation, which SELU assumes.
        self.weight = nn.Parameter(torch.randn(quantisers, outputs, inputs) * inputs**-0.5)
        self.bias = nn.Parameter(torch.zeros(quantisers, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., Q, inputs] to [..., Q, outputs]."""
        flat = x.flatten(0, -3).transpose(0, 1)
        out = torch.baddbmm(self.bias.unsqueeze(1), flat, self.weight.transpose(1, 2))
        return out.transpose(0, 1).unflatten(0, x.shape[:-2])  # type: ignore[no-any-return]

    def one(self, x: torch.Tensor, quantiser: int) -> torch.Tensor:
        """[batch, inputs] to [batch, outputs]."""
        return F.linear(x, self.weight[quantiser], self.bias[quantiser])


class Depth(nn.Module):
    """Depth-wise perceptrons: three layers with SELU (Klambauer et al., 2017), no dropout.

    Args:
        quantisers: how many perceptrons.
        tokens: quantisers whose tokens they see; each has a codebook here.
        vocabulary: values of a token.
        width: of input and hidden layers.
    """

    def __init__(self, quantisers: int, tokens: int, vocabulary: int, width: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.codebooks = nn.Parameter(
            torch.randn(tokens, vocabulary, width) * max(1, tokens) ** -0.5
        )
        self.first = Linears(quantisers, width, width)
        self.second = Linears(quantisers, width, width)
        self.third = Linears(quantisers, width, vocabulary)

    def known(self, tokens: torch.Tensor) -> torch.Tensor:
        """What is known before each quantiser but the first: [batch, steps, tokens, width]."""
        places = torch.arange(self.tokens, device=tokens.device)
        return self.codebooks[places, tokens[..., : self.tokens]].cumsum(-2)

    def learn(self, token: torch.Tensor, quantiser: int) -> torch.Tensor:
        """The summand of one token, [batch, width]."""
        return F.embedding(token, self.codebooks[quantiser])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, steps, quantisers, width] to [batch, steps, quantisers, vocabulary]."""
        return self.third(F.selu(self.second(F.selu(self.first(x)))))  # type: ignore[no-any-return]

    def one(self, x: torch.Tensor, quantiser: int) -> torch.Tensor:
        """[batch, width] to [batch, vocabulary]."""
        x = F.selu(self.first.one(x, quantiser))
        return self.third.one(F.selu(self.second.one(x, quantiser)), quantiser)


class Direct(nn.Module):
    """The temporal model alone: for rows that are flattened or shifted.

    Args:
        quantisers: Q.
        vocabulary: V.
        width: D.
    """

    def __init__(self, quantisers: int, vocabulary: int, width: int) -> None:
        super().__init__()
        self.heads = Linears(quantisers, width, vocabulary)

    def forward(self, contexts: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """See the top of this file."""
        return self.heads(contexts)  # type: ignore[no-any-return]

    def one(self, context: torch.Tensor, known: torch.Tensor, quantiser: int) -> torch.Tensor:
        """See the top of this file."""
        return self.heads.one(context, quantiser)

    def learn(self, token: torch.Tensor, quantiser: int) -> torch.Tensor:
        """Nothing: a scalar zero."""
        return torch.zeros([], device=token.device)


class Residual(nn.Module):
    """Equation 4.8: perceptron q reads the context plus the tokens before q.

    Args:
        quantisers: Q.
        vocabulary: V.
        width: D.
    """

    def __init__(self, quantisers: int, vocabulary: int, width: int) -> None:
        super().__init__()
        self.quantisers = quantisers
        self.depth = Depth(quantisers, quantisers - 1, vocabulary, width)

    def forward(self, contexts: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """See the top of this file."""
        known = F.pad(self.depth.known(tokens), (0, 0, 1, 0))
        return self.depth(contexts + known)  # type: ignore[no-any-return]

    def one(self, context: torch.Tensor, known: torch.Tensor, quantiser: int) -> torch.Tensor:
        """See the top of this file."""
        return self.depth.one(context + known, quantiser)

    def learn(self, token: torch.Tensor, quantiser: int) -> torch.Tensor:
        """See the top of this file."""
        if quantiser == self.quantisers - 1:
            return torch.zeros([], device=token.device)
        return self.depth.learn(token, quantiser)


class Decoupled(nn.Module):
    """Equation 4.7: temporal times depth-wise over prior; for the first quantiser temporal alone.

    Logits are log p_t + log p_q - log p_p; the softmax over them is the normalising factor.

    Args:
        quantisers: Q.
        vocabulary: V.
        width: D.
    """

    log_prior: torch.Tensor

    def __init__(self, quantisers: int, vocabulary: int, width: int) -> None:
        super().__init__()
        self.quantisers = quantisers
        self.heads = Linears(quantisers, width, vocabulary)
        self.depth = Depth(quantisers - 1, quantisers - 1, vocabulary, width)
        even = torch.full((quantisers, vocabulary), 1.0 / vocabulary)
        self.register_buffer("log_prior", even.log())

    @torch.no_grad()
    def set_prior(self, counts: torch.Tensor) -> None:
        """Take p_p from how often each token occurs in the training set.

        Each count is raised by one, so that what was never seen keeps a probability. Both other
        models begin as this prior, so that their quotient does as well.

        Args:
            counts: [quantisers, vocabulary].
        """
        raised = counts.to(self.log_prior) + 1.0
        self.log_prior.copy_((raised / raised.sum(-1, keepdim=True)).log())
        self.heads.bias.copy_(self.log_prior)
        self.depth.third.bias.copy_(self.log_prior[1:])

    def forward(self, contexts: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """See the top of this file."""
        temporal = self.heads(contexts).log_softmax(-1)
        depthwise = self.depth(self.depth.known(tokens)).log_softmax(-1) - self.log_prior[1:]
        return temporal + F.pad(depthwise, (0, 0, 1, 0))  # type: ignore[no-any-return]

    def one(self, context: torch.Tensor, known: torch.Tensor, quantiser: int) -> torch.Tensor:
        """See the top of this file."""
        temporal = self.heads.one(context, quantiser).log_softmax(-1)
        if quantiser == 0:
            return temporal
        depthwise = self.depth.one(known, quantiser - 1).log_softmax(-1)
        return temporal + depthwise - self.log_prior[quantiser]

    def learn(self, token: torch.Tensor, quantiser: int) -> torch.Tensor:
        """See the top of this file."""
        if quantiser == self.quantisers - 1:
            return torch.zeros([], device=token.device)
        return self.depth.learn(token, quantiser)
