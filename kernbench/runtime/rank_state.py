"""torch's settings, which each rank has of its own, as each process of torch has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kernbench.runtime.rank import RankVar, current_rank

__all__ = ["RankState", "current_sip", "rank_state"]


@dataclass(slots=True)
class RankState:
    """The settings of one rank.

    Attributes
    ----------
    default_dtype : str
        Type of new floating-point tensors.
    default_device : object
        Where factories put tensors unless told; None is torch's default, the CPU.
    generators : dict
        Random number generators by device; made on first use.
    seed : int or None
        What they start from, where it was set.
    print_options : dict
        What ``set_printoptions`` has set.
    matmul_precision : str
        What ``set_float32_matmul_precision`` has set.
    """

    default_dtype: str = "float32"
    default_device: Any = None
    generators: dict[Any, Any] = field(default_factory=dict)
    seed: int | None = None
    print_options: dict[str, Any] = field(default_factory=dict)
    matmul_precision: str = "highest"


_settings = RankVar("torch settings", lambda rank: RankState())


def rank_state() -> RankState:
    """Return the settings of the running rank."""
    return _settings.get()


def current_sip() -> int:
    """Return the SIP that plain ``cuda`` means to the running rank."""
    return current_rank().sip
