"""What tensors lie in: a mapped range of the machine's memory, or bytes of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kernbench.runtime.devices import CPU, device
from kernbench.runtime.placement import Placement

if TYPE_CHECKING:
    from kernbench.runtime.context import Context
    from kernbench.runtime.handle import Handle

__all__ = ["HostStorage", "Storage"]


class Storage:
    """One mapped range; given back to the machine when the last tensor over it goes."""

    def __init__(
        self,
        context: Context,
        va: int,
        nbytes: int,
        sip: int,
        place: Placement,
        keep: bool,
    ) -> None:
        self.context = context
        self.engine = context._engine
        self.va = va
        self._nbytes = nbytes
        self.sip = sip
        self.placement = place
        self.writer: Handle | None = None  # the last launch that was given it
        self.keep = keep  # has bytes even without data, until a kernel writes them
        self.device = device("cuda", sip)
        self.version = 0  # how often tensors over it were written to
        context._allocated[sip] += nbytes

    @property
    def has_values(self) -> bool:
        """Whether its bytes exist: False in a run of timing alone, unless they were kept."""
        return self.context.data or self.keep

    def data_ptr(self) -> int:
        """Return the virtual address of the first byte."""
        return self.va

    def nbytes(self) -> int:
        """Return the number of bytes."""
        return self._nbytes

    size = nbytes

    def __del__(self) -> None:
        # The engine may be busy, or this thread may be another one: the context unmaps later.
        if self.engine is self.context._engine:
            self.context._allocated[self.sip] -= self._nbytes
        self.context._unmap_later(self.engine, self.sip, self.va, self.placement.in_tcm)


class HostStorage:
    """Bytes of the host: what CPU tensors lie in, and views share."""

    device = CPU

    def __init__(self, data: npt.NDArray[np.uint8]) -> None:
        self.bytes = data
        self.version = 0
        self.shared = False  # ranks that are given it have it as it is, and no copy

    @classmethod
    def of_array(cls, array: npt.NDArray[Any]) -> tuple[HostStorage, int, tuple[int, ...]]:
        """Share an array's memory; return the storage, the offset and the strides in elements."""
        size = array.itemsize
        if any(step % size or step < 0 for step in array.strides):
            raise ValueError(
                "At least one stride in the given numpy array is negative, and tensors with "
                "negative strides are not currently supported. (You can probably work around this "
                "by making a copy of your array  with array.copy().) "
            )
        strides = tuple(step // size for step in array.strides)
        reach = zip(array.shape, strides, strict=True)
        span = 1 + sum((n - 1) * s for n, s in reach) if array.size else 0
        line = np.lib.stride_tricks.as_strided(
            array, (span,), (size,), writeable=array.flags.writeable
        )
        return cls(line.view(np.uint8)), 0, strides

    def data_ptr(self) -> int:
        """Return the host's address of the first byte; 0 when there is none."""
        return int(self.bytes.ctypes.data) if self.bytes.size else 0

    def nbytes(self) -> int:
        """Return the number of bytes."""
        return int(self.bytes.size)

    size = nbytes
