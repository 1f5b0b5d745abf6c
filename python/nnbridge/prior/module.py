# SPDX-License-Identifier: MIT
"""A prior as a model that hosts play.

No ``from __future__ import annotations`` here: TorchScript compiles these classes.
"""

import math

import torch

from nnbridge.contract import Module

from .code import Bins, Codes
from .errors import PriorError
from .network import Prior
from .player import player
from .rave_file import RaveFile


class PriorModule(Module):
    """Listens to a latent signal, or plays one.

    Its method takes Q latents and one signal per descriptor, and gives Q latents, accuracy and
    perplexity, all at one value per `ratio` audio samples.

    Args:
        prior: trained.
        code: between its tokens and the latent signal.
        ratio: audio samples per step.
        sample_rate: of the audio, in hertz.
    """

    listen: tuple[bool]
    temperature: tuple[float]
    reset: tuple[bool]
    learn_context: tuple[bool]
    seed: tuple[int]
    top_k: tuple[int]
    top_p: tuple[float]

    def __init__(self, prior: Prior, code: Codes | Bins, ratio: int, sample_rate: int) -> None:
        super().__init__(sr=sample_rate)
        self.player = player(prior)
        self.code = code
        self.quantisers = prior.quantisers
        self.ratio = ratio
        self.restart = False
        self._units = [(held.name, held.unit) for held in prior.followed]
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        self.register_attribute(
            "listen",
            True,
            description="On: inputs pass through and are remembered. Off: the model plays on.",
        )
        self.register_attribute(
            "temperature",
            1.0,
            min=0.0,
            description="How daring: 0 always takes the most likely, 1 is as learned.",
        )
        self.register_attribute(
            "reset", False, description="On: forgets what it has heard and played, then goes off."
        )
        self.register_attribute(
            "learn_context",
            True,
            description="Off: what is listened to passes through unremembered and unmeasured.",
        )
        self.register_attribute(
            "seed", 0, min=0.0, description="Setting it begins the random numbers of that seed."
        )
        self.register_attribute(
            "top_k", 0, min=0.0, description="Only the so many most likely tokens; 0: all."
        )
        self.register_attribute(
            "top_p",
            1.0,
            min=0.0,
            max=1.0,
            description="Only the most likely tokens that together have this probability.",
        )

    @torch.jit.export
    def set_seed(self, seed0: int) -> int:
        """Begin the random numbers of a seed; a negative one is refused."""
        if seed0 < 0:
            return -1
        self.seed = (seed0,)
        self.restart = True
        return 0

    def prepare(self) -> None:
        """Hand the attributes to the player."""
        if self.reset[0]:
            self.player.forget()
            self.reset = (False,)
        if self.restart:
            self.player.seed = self.seed[0]
            self.player.draws = 0
            self.restart = False
        self.player.temperature = self.temperature[0]
        self.player.top_k = self.top_k[0]
        self.player.top_p = self.top_p[0]

    def walk(self, latents: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """Steps [batch, Q, steps], descriptors [batch, C, steps] to [batch, Q + 2, steps]."""
        self.prepare()
        listen = self.listen[0]
        latents = torch.nan_to_num(latents)
        given = self.code.tokens(latents).transpose(1, 2)
        figures = torch.zeros([latents.shape[0], 2, latents.shape[2]], device=latents.device)
        if listen and not self.learn_context[0]:
            return torch.cat([latents, figures], 1)
        out = latents.clone()
        for i in range(latents.shape[2]):
            tokens, right, wide = self.player(given[:, i], conditions[:, :, i], listen)
            figures[:, 0, i] = right
            figures[:, 1, i] = wide
            if not listen:
                out[:, :, i] = self.code.values(tokens)
        return torch.cat([out, figures], 1)

    @torch.jit.unused
    def labels_of_conditions(self) -> list[str]:
        """One label per descriptor."""
        return [
            f"(signal) {name} ({unit})" if unit else f"(signal) {name}"
            for name, unit in self._units
        ]

    def register_walk(self, name: str) -> None:
        """Declare `walk`, on joined channels, as a method."""
        latents = [f"(signal) latent {i}" for i in range(self.quantisers)]
        followed = self.labels_of_conditions()
        self.register_method(
            name,
            len(latents) + len(followed),
            self.ratio,
            len(latents) + 2,
            self.ratio,
            input_labels=latents + followed,
            output_labels=[*latents, "(signal) accuracy", "(signal) perplexity"],
            test_buffer_size=4 * self.ratio,
            delay=0,
            random=False,
        )


class LonePrior(PriorModule):
    """A file with one method, `forward`: latents to latents."""

    def __init__(self, prior: Prior, code: Codes | Bins, ratio: int, sample_rate: int) -> None:
        super().__init__(prior, code, ratio, sample_rate)
        self.register_walk("forward")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Listens to a latent signal, or plays one."""
        return self.walk(x[:, : self.quantisers], x[:, self.quantisers :])


class PriorWithRave(PriorModule):
    """A file that sounds: `encode`, `decode` and `forward` of a RAVE, `prior`, and `play`.

    Args:
        prior: trained on what this RAVE encodes.
        code: between its tokens and the latent signal.
        rave: its model file.

    Raises:
        PriorError: this RAVE lacks a method, or has other latents than the prior.
    """

    def __init__(self, prior: Prior, code: Codes | Bins, rave: RaveFile) -> None:
        super().__init__(prior, code, rave.ratio, rave.sample_rate)
        check_fit(prior, code, rave)
        self.rave = rave.module
        self.channels = rave.channels
        for name in ("encode", "decode", "forward"):
            self.register_method(
                name,
                *rave.shape(name),
                input_labels=rave.labels(name, "input"),
                output_labels=rave.labels(name, "output"),
                step=rave.steps[name],
                delay=rave.delays[name],
                test_buffer_size=4 * rave.ratio,
            )
        self.register_walk("prior")
        followed = self.labels_of_conditions()
        there, back = rave.delays["encode"], rave.delays["decode"]
        self.register_method(
            "play",
            rave.channels + len(followed),
            1,
            rave.shape("decode")[2],
            1,
            input_labels=rave.labels("encode", "input") + followed,
            output_labels=rave.labels("decode", "output"),
            step=math.lcm(rave.steps["encode"], rave.steps["decode"]),
            delay=None if there is None or back is None else there + back,
            test_buffer_size=4 * rave.ratio,
        )

    @torch.jit.export
    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Audio to latents."""
        return self.rave.encode(x)  # type: ignore[no-any-return]

    @torch.jit.export
    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Latents to audio."""
        return self.rave.decode(z)  # type: ignore[no-any-return]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Audio, encoded and decoded."""
        return self.rave.forward(x)  # type: ignore[no-any-return]

    @torch.jit.export
    def prior(self, x: torch.Tensor) -> torch.Tensor:
        """Listens to a latent signal, or plays one."""
        return self.walk(x[:, : self.quantisers], x[:, self.quantisers :])

    @torch.jit.export
    def play(self, x: torch.Tensor) -> torch.Tensor:
        """Listens to audio and passes it through the latents, or plays audio."""
        latents = self.rave.encode(x[:, : self.channels])
        # As a host brings a signal to a slower rate: the last value of each group.
        conditions = x[:, self.channels :, self.ratio - 1 :: self.ratio]
        heard = self.walk(latents[:, : self.quantisers], conditions)[:, : self.quantisers]
        if self.listen[0]:
            heard = torch.cat([heard, latents[:, self.quantisers :]], 1)
        else:
            silent = torch.zeros_like(latents[:, self.quantisers :])
            heard = torch.cat([heard, silent], 1)
        return self.rave.decode(heard)  # type: ignore[no-any-return]


def check_fit(prior: Prior, code: Codes | Bins, rave: RaveFile) -> None:
    """Refuse a RAVE that can't decode what a prior plays.

    Raises:
        PriorError: it has other latents.
    """
    # A foreign discrete RAVE does not say how many codes it has.
    wanted = {0} if code.kind == "bins" else {0, code.vocabulary}
    if rave.vocabulary not in wanted:
        plays = (
            "latents of a continuous RAVE" if code.kind == "bins" else f"{code.vocabulary} codes"
        )
        raise PriorError(
            f"the prior plays {plays}, but '{rave.path}' has {rave.vocabulary} codes: "
            "give the RAVE that its sequences come from."
        )
    # Latents that the prior leaves out are 0, their mean; code 0 would be a sound.
    more = rave.latents > prior.quantisers and code.kind == "codes"
    if rave.latents < prior.quantisers or more:
        raise PriorError(
            f"the prior plays {prior.quantisers} latents, but '{rave.path}' has {rave.latents}: "
            "give the RAVE that its sequences come from, exported with as many."
        )
