"""Settings that scripts set and read back, and that mean nothing on this machine."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from kernbench.runtime.rank import RankVar

__all__ = ["Switches"]


class Switches(ModuleType):
    """Attributes with defaults; what a rank sets, it alone reads.

    Examples
    --------
    >>> cudnn = Switches("torch.backends.cudnn", benchmark=False)
    >>> cudnn.benchmark = True
    >>> cudnn.benchmark
    True
    """

    def __init__(self, name: str, **defaults: Any) -> None:
        super().__init__(name)
        set_: RankVar[dict[str, Any]] = RankVar(name, lambda rank: {})
        object.__setattr__(self, "_set", set_)
        object.__setattr__(self, "_defaults", defaults)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        values = self._set.get()
        if name in values:
            return values[name]
        if name in self._defaults:
            return self._defaults[name]
        raise AttributeError(f"module '{self._name}' has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__"):  # the import system's
            super().__setattr__(name, value)
        else:
            self._set.get()[name] = value

    def __repr__(self) -> str:
        return f"<module '{self._name}'>"
