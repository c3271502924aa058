"""Buffers that are used again and again, so that a layer does not allocate at each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kernbench.runtime.dispatch import call

__all__ = ["GlobalMemoryBuffer"]


class GlobalMemoryBuffer:
    """One growing buffer for each (name, dtype), on the rank's device.

    A tensor that it gave is valid until the next call with the same name and dtype.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, Any], Any] = {}

    def get_tensor(self, tensor_shape: Sequence[int], dtype: Any, name: str) -> Any:
        """Return a tensor of this shape over the buffer; what it holds is undefined."""
        wanted = math.prod(tensor_shape)
        held = self._held.get((name, dtype))
        if held is None or held.numel() < wanted:
            held = call("empty", wanted, dtype=dtype, device="cuda", requires_grad=False)
            self._held[name, dtype] = held
        return held[:wanted].view(*tensor_shape)
