"""``torch.accelerator``: the simulated machine, under the names that all accelerators share."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.cuda import DeviceGuard, device_count, is_available
from kernbench.runtime.cuda import current_device as current_device_index
from kernbench.runtime.cuda import set_device as set_device_index
from kernbench.runtime.devices import device
from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.streams import current_stream, set_stream, synchronize

__all__ = [
    "current_accelerator",
    "current_device_idx",
    "current_device_index",
    "current_stream",
    "device_count",
    "device_index",
    "is_available",
    "set_device_idx",
    "set_device_index",
    "set_stream",
    "synchronize",
]

current_device_idx, set_device_idx = current_device_index, set_device_index
device_index = DeviceGuard


def current_accelerator(check_available: bool = False) -> device | None:
    """Return ``cuda``, the type of the machine; None where there is none."""
    return device("cuda") if is_available() else None


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.accelerator' has no attribute '{name}'")
    return Placeholder(f"torch.accelerator.{name}")
