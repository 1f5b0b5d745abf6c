# SPDX-License-Identifier: MIT
"""Residual vector quantisation: each codebook quantises what the ones before left over.

The first batches are only collected, and pass unquantised; k-means of them are the first codebooks.
From then on these are moving averages of the vectors that chose their entries; an entry that hardly
anybody chooses is replaced by a vector of the batch (Zeghidour et al. 2021, SoundStream).

All processes of a distributed training keep the same codebooks: they share what averages are made
of, and the first one's choices where chance decides.
"""

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from nnbridge.streaming import Rule

from .recipe import Latent

_KMEANS = 10  # rounds
_COLLECTED = 4  # vectors per entry, before there are codebooks


class Quantiser(nn.Module):
    """Q codebooks of V entries of D dimensions.

    Args:
        dimensions: D, of z.
        settings: the recipe's [latent].

    Attributes:
        codebooks: [Q, V, D].
        collected: [vectors, D], those of the first batches; empty once there are codebooks.
        begun: whether there are codebooks.
    """

    codebooks: Tensor
    counts: Tensor
    sums: Tensor
    collected: Tensor
    begun: Tensor

    def __init__(self, dimensions: int, settings: Latent) -> None:
        super().__init__()
        self.quantisers = settings.quantisers
        self.decay = settings.code_decay
        self.dead = settings.dead_code
        self.dropout = settings.quantiser_dropout
        shape = (settings.quantisers, settings.codes)
        self.register_buffer("codebooks", torch.zeros(*shape, dimensions))
        self.register_buffer("counts", torch.ones(*shape))
        self.register_buffer("sums", torch.zeros(*shape, dimensions))
        self.register_buffer("collected", torch.zeros(0, dimensions))
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))

    def forward(self, z: Tensor) -> Tensor:
        """Latent z [batch, D, time] -> the sum of the chosen entries, the same shape."""
        return self.lookup(self.codes(z))

    @torch.jit.export
    def codes(self, z: Tensor) -> Tensor:
        """Latent z [batch, D, time] -> the chosen entries [batch, Q, time], from 0 to V - 1."""
        residual = z.transpose(1, 2)
        found: list[Tensor] = []
        for codebook in self.codebooks:
            chosen = nearest(residual, codebook)
            residual = residual - codebook[chosen]
            found.append(chosen)
        return torch.stack(found, 1)

    @torch.jit.export
    def lookup(self, codes: Tensor) -> Tensor:
        """Entries [batch, up to Q, time] -> the sum of their vectors [batch, D, time].

        Fewer codebooks than Q give a coarser z. Numbers beyond an end are taken to that end.
        """
        bounded = codes.clamp(0, self.codebooks.size(1) - 1)
        total = self.codebooks[0][bounded[:, 0]]
        for index in range(1, codes.size(1)):
            total = total + self.codebooks[index][bounded[:, index]]
        return total.transpose(1, 2)

    def streaming_rule(self, delay: int) -> Rule:
        """Frame by frame: no delay and no state."""
        return Rule(self, delay)

    @torch.jit.unused
    def learn(self, z: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Quantise for training, and let the codebooks follow; unquantised before they have begun.

        With quantiser dropout each example uses the first 1 to Q codebooks, as many as chance says.

        Args:
            z: [batch, D, time].

        Returns:
            The quantised z, whose gradient goes straight through to z; the commitment loss, mean
            squared distance of z from what it became; and figures to log.
        """
        z = z.float()
        with torch.no_grad(), torch.autocast(z.device.type, enabled=False):
            vectors = z.detach().transpose(1, 2)
            if self.training and not bool(self.begun):
                self._collect(vectors.flatten(0, 1))
            if not bool(self.begun):
                nothing = z.new_zeros(())
                return z, nothing, {"commitment": nothing, "code_perplexity": nothing}
            depth = torch.full((len(z),), self.quantisers, device=z.device)
            if self.dropout and self.training:
                depth = torch.randint(1, self.quantisers + 1, (len(z),), device=z.device)
            residual = vectors
            perplexity = z.new_zeros(())
            for index in range(self.quantisers):
                uses = depth > index
                chosen = nearest(residual, self.codebooks[index])
                quantised = self.codebooks[index][chosen] * uses[:, None, None]
                if self.training:
                    self._follow(index, residual[uses].flatten(0, 1), chosen[uses].flatten())
                residual = residual - quantised
                if index == 0:
                    perplexity = _perplexity(chosen, self.codebooks.size(1))
            total = (vectors - residual).transpose(1, 2)
        commitment = F.mse_loss(z, total)
        figures = {"commitment": commitment.detach(), "code_perplexity": perplexity}
        return z + (total - z).detach(), commitment, figures

    def _collect(self, vectors: Tensor) -> None:
        """Keep the first vectors; with enough of them begin: k-means for each codebook in turn."""
        self.collected = torch.cat([self.collected, _everybodys(vectors)])
        size = self.codebooks.size(1)
        if len(self.collected) < _COLLECTED * size:
            return
        residual = self.collected
        for index in range(self.quantisers):
            entries = _picked(residual, size)
            for _ in range(_KMEANS):
                entries = _centres(residual, entries)
            _agree(entries)
            self.codebooks[index] = entries
            self.sums[index] = entries
            residual = residual - entries[nearest(residual[None], entries)[0]]
        self.counts.fill_(1.0)
        self.begun.fill_(True)
        self.collected = self.collected[:0].clone()

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        """As usual, and as many collected vectors as there were."""
        if prefix + "collected" in state:
            self.collected = torch.empty_like(state[prefix + "collected"])
        super()._load_from_state_dict(state, prefix, *rest)

    def _follow(self, index: int, vectors: Tensor, chosen: Tensor) -> None:
        """Moving averages, and a new life for dead entries."""
        size = self.codebooks.size(1)
        counts = torch.zeros_like(self.counts[index]).index_add_(
            0, chosen, vectors.new_ones(len(chosen))
        )
        sums = torch.zeros_like(self.sums[index]).index_add_(0, chosen, vectors)
        if _several():
            dist.all_reduce(counts)
            dist.all_reduce(sums)
        self.counts[index].lerp_(counts, 1.0 - self.decay)
        self.sums[index].lerp_(sums, 1.0 - self.decay)
        # In a batch that has few vectors for each entry, only one far below its share is dead.
        fair = float(counts.sum()) / size
        dead = self.counts[index] < min(self.dead, 0.1 * fair)
        if bool(dead.any()):
            fresh = _picked(vectors, size) if len(vectors) else self.codebooks[index].clone()
            _agree(fresh)
            self.sums[index][dead] = fresh[dead] * fair
            self.counts[index][dead] = fair
        self.codebooks[index] = self.sums[index] / self.counts[index].clamp(min=1e-5)[:, None]


def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """The nearest entry of [V, D] for each of [batch, time, D] -> [batch, time]."""
    # |v|^2 is the same for all entries
    distance = codebook.square().sum(1) - 2.0 * torch.matmul(vectors, codebook.t())
    return distance.argmin(2)


def _picked(vectors: Tensor, count: int) -> Tensor:
    """`count` of the vectors [n, D] by chance, each once while there are enough."""
    if len(vectors) >= count:
        return vectors[torch.randperm(len(vectors), device=vectors.device)[:count]].clone()
    picked = vectors[torch.randint(len(vectors), (count,), device=vectors.device)]
    return picked + 1e-3 * vectors.std() * torch.randn_like(picked)


def _centres(vectors: Tensor, entries: Tensor) -> Tensor:
    """One round of k-means; an entry without vectors stays."""
    chosen = nearest(vectors[None], entries)[0]
    counts = vectors.new_zeros(len(entries)).index_add_(0, chosen, vectors.new_ones(len(chosen)))
    sums = torch.zeros_like(entries).index_add_(0, chosen, vectors)
    return torch.where(counts[:, None] > 0, sums / counts.clamp(min=1.0)[:, None], entries)


def _perplexity(chosen: Tensor, size: int) -> Tensor:
    """How many entries are in use: e to the entropy of the choices."""
    share = torch.bincount(chosen.flatten(), minlength=size).float()
    share = share / share.sum()
    return torch.exp(-(share * torch.log(share + 1e-10)).sum())


def _several() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def _everybodys(vectors: Tensor) -> Tensor:
    """The vectors of all processes, which have equally many."""
    if not _several():
        return vectors
    parts = [torch.empty_like(vectors) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, vectors.contiguous())
    return torch.cat(parts)


def _agree(entries: Tensor) -> None:
    """All processes take the first one's."""
    if _several():
        dist.broadcast(entries, 0)
