"""``torch.random``: the CPU's generator."""

from __future__ import annotations

from kernbench.runtime.generator import default_generator, initial_seed, manual_seed, seed
from kernbench.runtime.settings import fork_rng, get_rng_state, set_rng_state

__all__ = [
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]
