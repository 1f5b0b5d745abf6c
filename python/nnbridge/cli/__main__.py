# SPDX-License-Identifier: MIT
"""``python -m nnbridge.cli``."""

import sys

from . import main

sys.exit(main())
