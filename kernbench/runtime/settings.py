"""torch's settings: default dtype and device, generators' states, threads, precision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from kernbench.runtime.devices import as_device, device
from kernbench.runtime.dtypes import as_dtype
from kernbench.runtime.generator import default_generator
from kernbench.runtime.rank_state import rank_state

__all__ = [
    "are_deterministic_algorithms_enabled",
    "fork_rng",
    "get_default_device",
    "get_float32_matmul_precision",
    "get_num_threads",
    "get_rng_state",
    "set_default_device",
    "set_default_dtype",
    "set_float32_matmul_precision",
    "set_num_threads",
    "set_rng_state",
    "use_deterministic_algorithms",
]


def set_default_dtype(d: Any) -> None:
    """Set the type of new floating-point tensors."""
    kind = as_dtype(d)
    if not kind.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    rank_state().default_dtype = kind.name


def set_default_device(device: Any) -> None:
    """Set where factories put tensors."""
    rank_state().default_device = None if device is None else as_device(device)


def get_default_device() -> device:
    """Return where factories put tensors."""
    return as_device(None)


def get_rng_state() -> Any:
    """Return the state of the CPU's generator."""
    return default_generator().get_state()


def set_rng_state(new_state: Any) -> None:
    """Let the CPU's generator go on from a state."""
    default_generator().set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **names: Any) -> Iterator[None]:
    """Leave all generators as they were before the block; `devices` choose none of them."""
    settings = rank_state()
    seed, generators = settings.seed, settings.generators
    before = {where: generator.get_state() for where, generator in generators.items()}
    try:
        yield
    finally:
        if enabled:
            settings.seed = seed
            for where in [where for where in generators if where not in before]:
                del generators[where]  # made on first use, in the block
            for where, state in before.items():
                generators[where].set_state(state)


def get_num_threads() -> int:
    """Return 1: host tensors are computed in one thread."""
    return 1


def set_num_threads(int: int) -> None:
    """Do nothing: host tensors are computed in one thread."""


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Do nothing: everything is deterministic."""


def are_deterministic_algorithms_enabled() -> bool:
    """Return True: everything is deterministic."""
    return True


def set_float32_matmul_precision(precision: str) -> None:
    """Remember it; products of float32 matrices are exact IEEE chains whatever it is."""
    rank_state().matmul_precision = precision


def get_float32_matmul_precision() -> str:
    """Return what was set; torch's default is ``"highest"``."""
    return rank_state().matmul_precision
