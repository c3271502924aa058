"""Settings that scripts set and read back, and that mean nothing on this machine."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.rank import RankVar

__all__ = ["Switches"]


class Switches:
    """Attributes with defaults; what a rank sets, it alone reads.

    Examples
    --------
    >>> cudnn = Switches("torch.backends.cudnn", benchmark=False)
    >>> cudnn.benchmark = True
    >>> cudnn.benchmark
    True
    """

    def __init__(self, name: str, **defaults: Any) -> None:
        set_: RankVar[dict[str, Any]] = RankVar(name, lambda rank: {})
        object.__setattr__(self, "_set", set_)
        object.__setattr__(self, "_defaults", defaults)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name: str) -> Any:
        values = self._set.get()
        if name in values:
            return values[name]
        if name in self._defaults:
            return self._defaults[name]
        raise AttributeError(f"module '{self._name}' has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        self._set.get()[name] = value

    def __repr__(self) -> str:
        return f"<module '{self._name}'>"
