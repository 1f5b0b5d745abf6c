# SPDX-License-Identifier: MIT
"""What a training may ask of the machine, or machines: said before anything is written.

Left to the distributed library, a missing address is no error but a wait that never ends.
"""

from __future__ import annotations

import os

import torch

from .errors import TrainingError

_ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
_STARTERS = ("SLURM_NTASKS", "TORCHELASTIC_RUN_ID")
"""Variables of SLURM and torchrun, which tell each process who it is."""


def check(accelerator: str, devices: int, nodes: int) -> None:
    """Whether there is what was asked for.

    Args:
        accelerator: auto, cpu, gpu (or cuda) or mps.
        devices: processes on this machine.
        nodes: machines.

    Raises:
        TrainingError: there isn't.
    """
    if accelerator not in _ACCELERATORS:
        raise TrainingError(
            f"--accelerator is one of {', '.join(_ACCELERATORS)}, not '{accelerator}'."
        )
    wants_gpu = accelerator in ("gpu", "cuda")
    if accelerator == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("this machine has no Apple GPU: use --accelerator auto or cpu.")
    if accelerator == "gpu" and torch.backends.mps.is_available():
        wants_gpu = False  # a Mac's own
    if wants_gpu and not torch.cuda.is_available():
        raise TrainingError("torch finds no GPU on this machine: use --accelerator auto or cpu.")
    there = torch.cuda.device_count()
    if (wants_gpu or accelerator == "auto") and 0 < there < devices:
        raise TrainingError(f"this machine has {there} GPU(s), and --devices asks for {devices}.")
    if nodes > 1 and not any(name in os.environ for name in _STARTERS):
        missing = [name for name in ("MASTER_ADDR", "MASTER_PORT") if not os.environ.get(name)]
        if not {"NODE_RANK", "GROUP_RANK"} & os.environ.keys():
            missing.append("NODE_RANK")
        if missing:
            raise TrainingError(
                f"with --nodes {nodes} each machine has to know the first one and its own number: "
                f"set {', '.join(missing)} (MASTER_ADDR=10.0.0.1 MASTER_PORT=29500 NODE_RANK=0 on "
                "the first, NODE_RANK=1 on the second, and so on)."
            )
