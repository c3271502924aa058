"""What each rank has of its own: generators, current device, default dtype, grad mode.

The main program has one too.  It hangs on a context variable, so that workers, which run in copies
of the context, can be given theirs.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

__all__ = ["RankState", "rank_state", "set_rank_state"]


@dataclass(slots=True)
class RankState:
    """The state of one rank.

    Attributes
    ----------
    device : int
        The SIP that plain ``cuda`` means.
    default_dtype : str
        Type of new floating-point tensors.
    default_device : object
        Where factories put tensors unless told; None is torch's default, the CPU.
    generators : dict
        Random number generators by device; made on first use.
    seed : int
        What they start from.
    print_options : dict
        What ``set_printoptions`` has set.
    extra : dict
        For layers above: grad mode, autocast, default group, by name.
    """

    device: int = 0
    default_dtype: str = "float32"
    default_device: Any = None
    generators: dict[Any, Any] = field(default_factory=dict)
    seed: int = 0
    print_options: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


_MAIN = RankState()
_current: ContextVar[RankState] = ContextVar("kernbench_rank_state", default=_MAIN)


def rank_state() -> RankState:
    """Return the state of the running rank."""
    return _current.get()


def set_rank_state(state: RankState) -> None:
    """Make `state` that of the running rank."""
    _current.set(state)
