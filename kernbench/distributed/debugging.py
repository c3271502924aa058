"""How closely torch.distributed looks at its calls; here they are always matched (ADR-0059 D2)."""

from __future__ import annotations

import enum
import os

from kernbench.runtime.rank import RankVar

__all__ = ["DebugLevel", "get_debug_level", "set_debug_level", "set_debug_level_from_env"]


class DebugLevel(enum.Enum):
    """How much is looked at; kept, and without effect."""

    OFF = 0
    INFO = 1
    DETAIL = 2

    def __str__(self) -> str:
        return f"DebugLevel.{self.name}"


def _of_environment() -> DebugLevel:
    name = os.environ.get("TORCH_DISTRIBUTED_DEBUG") or "OFF"
    if name.upper() not in DebugLevel.__members__:
        raise ValueError(
            f"The value of TORCH_DISTRIBUTED_DEBUG must be OFF, INFO, or DETAIL; got {name!r}"
        )
    return DebugLevel[name.upper()]


_level = RankVar("torch.distributed.debug", lambda rank: _of_environment())


def get_debug_level() -> DebugLevel:
    """Return the level of the calling rank: TORCH_DISTRIBUTED_DEBUG, unless it was set.

    Examples
    --------
    >>> set_debug_level(DebugLevel.DETAIL)
    >>> print(get_debug_level())
    DebugLevel.DETAIL
    """
    return _level.get()


def set_debug_level(level: DebugLevel) -> None:
    """Set the level of the calling rank."""
    if not isinstance(level, DebugLevel):
        raise TypeError(f"set_debug_level: expected a torch.distributed.DebugLevel, got {level!r}")
    _level.set(level)


def set_debug_level_from_env() -> None:
    """Set the level of the calling rank to what TORCH_DISTRIBUTED_DEBUG says."""
    set_debug_level(_of_environment())
