"""``torch.cuda``: the SIPs of the simulated machine, their streams, events and random numbers.

Times of events are simulated.
"""

from __future__ import annotations

import sys
from typing import Any

from kernbench.runtime.cuda import (
    DeviceGuard,
    current_device,
    device_count,
    get_device_capability,
    get_device_name,
    get_device_properties,
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    is_available,
    manual_seed,
    manual_seed_all,
    mem_get_info,
    memory_allocated,
    set_device,
    set_rng_state,
    set_rng_state_all,
)
from kernbench.runtime.errors_of_torch import OutOfMemoryError
from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.streams import (
    Event,
    Stream,
    current_stream,
    default_stream,
    set_stream,
    stream,
    synchronize,
)
from kernbench.torch.cuda import amp, nccl, nvtx

__all__ = [
    "Event",
    "OutOfMemoryError",
    "Stream",
    "amp",
    "can_device_access_peer",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "empty_cache",
    "get_arch_list",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "init",
    "initial_seed",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_current_stream_capturing",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "nccl",
    "nvtx",
    "reset_peak_memory_stats",
    "set_device",
    "set_rng_state",
    "set_rng_state_all",
    "set_stream",
    "stream",
    "synchronize",
]

device = _DeviceGuard = DeviceGuard
memory_reserved = max_memory_reserved = max_memory_allocated = memory_allocated


def init() -> None:
    """Do nothing: the machine is there."""


def empty_cache() -> None:
    """Do nothing: memory is given back when tensors go."""


def ipc_collect() -> None:
    """Do nothing: nothing is shared."""


def reset_peak_memory_stats(device: Any = None) -> None:
    """Do nothing: peaks are not kept."""


def is_initialized() -> bool:
    """Tell whether there is a simulated machine."""
    return is_available()


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return True: the machine computes bf16."""
    return True


def is_current_stream_capturing() -> bool:
    """Return False: there are no graphs."""
    return False


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Return True: SIPs reach each other's memory."""
    return True


def get_arch_list() -> list[str]:
    """Return the one architecture."""
    return ["sm_80"]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.cuda' has no attribute '{name}'")
    if name in ("memory", "random", "streams"):  # where torch defines these names
        return sys.modules[__name__]
    return Placeholder(f"torch.cuda.{name}")
