# SPDX-License-Identifier: MIT
"""What goes wrong around an export."""

from nnbridge.training.errors import TrainingError


class ExportError(TrainingError):
    """A network cannot be exported like this; the message is one clear sentence."""
