"""``torch.distributed``: the face of :mod:`kernbench.distributed`."""

from __future__ import annotations

from kernbench.distributed import *  # noqa: F403 - a face: its list is there
from kernbench.distributed import __all__ as __all__
