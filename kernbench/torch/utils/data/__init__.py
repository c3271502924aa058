"""``torch.utils.data``: the face of :mod:`kernbench.data`."""

from __future__ import annotations

import sys
from typing import Any

from kernbench.data import *  # noqa: F403 - a face: its list is there
from kernbench.data import __all__ as __all__
from kernbench.runtime.placeholder import Placeholder


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.utils.data' has no attribute '{name}'")
    if name in ("_utils", "collate", "dataloader", "dataset", "sampler"):
        return sys.modules[__name__]  # where torch defines these names
    return Placeholder(f"torch.utils.data.{name}")
