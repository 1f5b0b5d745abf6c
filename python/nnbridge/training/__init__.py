# SPDX-License-Identifier: MIT
"""What the trainings of all model families share: their loop, checkpoints, figures, provenance."""
