# SPDX-License-Identifier: MIT
"""Priors: models that play on by themselves, over a RAVE's latents (thesis, chapter 4)."""
