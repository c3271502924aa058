"""``python -m kernbench`` is the program ``kernbench``."""

from __future__ import annotations

import sys

from kernbench.cli import main

sys.exit(main())
