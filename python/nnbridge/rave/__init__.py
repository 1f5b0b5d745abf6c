# SPDX-License-Identifier: MIT
"""RAVE: a variational autoencoder for audio in real time (thesis, chapter 3)."""
