"""``GradBucket``: gradients that are reduced together, while backward goes on with others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kernbench.runtime.dispatch import call

__all__ = ["GradBucket", "alike"]


class GradBucket:
    """Parameters whose gradients are reduced together: what a communication hook is given."""

    def __init__(self, number: int, parameters: Sequence[Any]) -> None:
        self._number = number
        self._parameters = parameters
        self._last = False
        self._left = 0  # gradients that have not come in this pass
        self._flat: Any = None
        self._future: Any = None

    def index(self) -> int:
        """Return its number: buckets are sent in order."""
        return self._number

    def is_last(self) -> bool:
        """Tell whether it is the last one of a pass."""
        return self._last

    def parameters(self) -> list[Any]:
        """Return the parameters."""
        return list(self._parameters)

    def buffer(self) -> Any:
        """Return the gradients as one line."""
        return self._flat

    def set_buffer(self, buffer: Any) -> None:
        """Put another line in its place."""
        self._flat = buffer

    def gradients(self) -> list[Any]:
        """Return the gradients as views of the line."""
        pieces = self._flat.split([each.numel() for each in self._parameters])
        pairs = zip(pieces, self._parameters, strict=True)
        return [piece.view(tuple(each.shape)) for piece, each in pairs]

    def _send(self, hook: Callable[[GradBucket], Any]) -> None:
        """Start the all-reduce; a parameter without a gradient counts as zeros."""
        grads = [call("zeros_like", p) if p.grad is None else p.grad for p in self._parameters]
        self._flat = call("cat", [grad.detach().reshape(-1) for grad in grads])
        self._future = hook(self)

    def _finish(self, used: set[int], as_view: bool) -> None:
        """Wait for it, and give the parameters that are in use anywhere their averages."""
        found = self._future.wait()
        self._flat = found[0] if isinstance(found, (list, tuple)) else found
        for parameter, average in zip(self._parameters, self.gradients(), strict=True):
            if id(parameter) not in used:
                continue
            if as_view or parameter.grad is None:
                parameter.grad = average
            else:
                parameter.grad.copy_(average)
        self._flat = self._future = None


def alike(tensors: Iterable[Any], first_nbytes: float, nbytes: float) -> list[list[Any]]:
    """Put tensors together, those of one dtype and device, up to so many bytes."""
    found: list[list[Any]] = []
    room: dict[tuple[str, str], float] = {}
    open_: dict[tuple[str, str], list[Any]] = {}
    for each in tensors:
        kind = (str(each.dtype), str(each.device))
        if room.get(kind, 0) <= 0:
            open_[kind] = []
            room[kind] = nbytes if found else first_nbytes
            found.append(open_[kind])
        open_[kind].append(each)
        room[kind] -= each.nbytes
    return found
