"""``torch.multiprocessing``: the face of :mod:`kernbench.runtime.multiprocessing`."""

from __future__ import annotations

from kernbench.runtime.multiprocessing import *  # noqa: F403 - a face: its list is there
from kernbench.runtime.multiprocessing import __all__ as __all__
