# SPDX-License-Identifier: MIT
"""The one error of a conversion: it names the operation, the place, the reason and a way out."""

from __future__ import annotations


class NotStreamable(Exception):  # noqa: N818 (it reads as what it is)
    """A network holds an operation that cannot be streamed exactly.

    Attributes:
        operation: what was met, as the author wrote it (``InstanceNorm1d``, ``torch.flip``).
        where: where it stands in the network (module path, source line where known).
        why: the reason, in words.
        remedy: what the author can do.
    """

    def __init__(self, operation: str, where: str, why: str, remedy: str) -> None:
        self.operation = operation
        self.where = where
        self.why = why
        self.remedy = remedy
        super().__init__(f"{operation} at {where} cannot be streamed: {why}. What to do: {remedy}.")
