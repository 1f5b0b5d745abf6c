# SPDX-License-Identifier: MIT
"""What goes wrong around a prior."""


class PriorError(ValueError):
    """Sequences, a prior or a request that can't be used; the message is one clear sentence."""
