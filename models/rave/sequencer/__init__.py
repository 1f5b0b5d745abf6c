# SPDX-License-Identifier: MIT
"""Loops and phrases, put together from recordings of single hits and notes.

Sequenced, not performed: each sound is a real recording, its place in time is a program's.
"""
