# SPDX-License-Identifier: MIT
"""What goes wrong with recordings."""


class AudioError(ValueError):
    """A file or a dataset can't be used; the message is one clear sentence."""
