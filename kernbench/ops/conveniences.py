"""In-place forms of operations whose results have the target's shape, and calls that do nothing."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.dispatch import call, register
from kernbench.runtime.storage import HostStorage
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


def _written_back(name: str) -> None:
    @register(f"{name}_", "inplace")
    def change(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        return call("copy_", self, call(name, self, *args, **kwargs))

    change.__doc__ = f"Put the result of ``{name}`` in place of the elements."


for _name in ("addmm", "addmv", "addbmm", "baddbmm", "ldexp", "logit", "sgn", "sinc"):
    _written_back(_name)


@register("addbmm", "composite")
def addbmm(self: Any, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Any:
    """``beta * self`` and ``alpha`` times the sum of the products of matrices."""
    total = call("sum", call("bmm", batch1, batch2), 0, dtype=batch1._dtype)
    total = total if alpha == 1 else call("mul", total, alpha)
    return total if beta == 0 else call("add", total, call("mul", self, beta))


@register("put", "composite")
def put(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Any:
    """Copy with elements written by their place in row-major order."""
    return call("put_", call("clone", self), index, source, accumulate)


@register("pin_memory", "composite")
def pin_memory(self: Tensor, device: Any = None) -> Any:
    """Return the tensor: all host memory is as fast."""
    return self


@register("share_memory_", "inplace")
def share_memory_(self: Tensor) -> Any:
    """Let ranks that are given the tensor share its memory, not copy it; return it."""
    if isinstance(self._storage, HostStorage):
        self._storage.shared = True
    return self


@register("is_shared", "composite")
def is_shared(self: Tensor) -> bool:
    """Tell whether ranks share it: on the machine always, on the host after `share_memory_`."""
    return not isinstance(self._storage, HostStorage) or self._storage.shared


@register("is_pinned", "composite")
def is_pinned(self: Tensor) -> bool:
    """Return False."""
    return False


@register("record_stream", "composite")
def record_stream(self: Tensor, stream: Any) -> None:
    """Do nothing: memory is given back when all work that may use it is done."""
