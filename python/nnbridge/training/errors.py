# SPDX-License-Identifier: MIT
"""What goes wrong around a training run."""


class TrainingError(ValueError):
    """A run, a checkpoint or a dataset cannot be used; the message is one clear sentence."""
