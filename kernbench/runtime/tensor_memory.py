"""Tensors of a context: memory that is mapped for them, and given back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kernbench import _core
from kernbench.errors import OutOfMemoryError
from kernbench.language import dtypes as tl
from kernbench.runtime import dtypes, numpy_dtypes
from kernbench.runtime.inputs import as_array, as_shape
from kernbench.runtime.placement import Blocked, Placement
from kernbench.runtime.storage import Storage
from kernbench.runtime.tensor import Tensor
from kernbench.runtime.turns import Turns

__all__ = ["TensorMemory"]


class TensorMemory(Turns):
    """A machine that makes tensors in its memory."""

    def _map(
        self,
        shape: Sequence[int],
        dtype: Any,
        placement: Placement | None,
        sip: int | None,
        *,
        zeroed: bool = False,
        keep: bool = False,
    ) -> Tensor:
        self._open()
        kind = dtypes.as_dtype(dtype)
        if placement is not None and not isinstance(placement, Placement):
            raise TypeError(f"tensor: expected a placement such as kb.Blocked(), got {placement!r}")
        if any(size < 0 for size in shape):
            raise RuntimeError(f"tensor: expected sizes of at least 0, got {tuple(shape)}")
        place = placement or Blocked()
        nbytes = math.prod(shape) * kind.itemsize
        if nbytes >= 1 << 63:
            raise OutOfMemoryError(
                f"tensor of shape {tuple(shape)}: expected fewer than 2**63 bytes, got {nbytes}"
            )
        sip = self._rank().sip if sip is None else sip
        arguments = place.map_arguments(shape, kind.itemsize)
        self._unmap_now(sip)
        try:
            va = self._engine.map(sip, nbytes, zeroed=zeroed, keep=keep, **arguments)
        except OutOfMemoryError:
            if not self._reclaimers[sip].let_go:
                raise
            self._drain()  # what was let go may be in use until then
            self._unmap_now(sip)
            va = self._engine.map(sip, nbytes, zeroed=zeroed, keep=keep, **arguments)
        if nbytes and self._host_link.installs:
            self._host_link.copy(sip, va, nbytes, to_device=True, install=True)
        return Tensor._over(Storage(self._me, va, nbytes, sip, place, keep), kind, shape)

    def empty(
        self,
        *size: Any,
        dtype: Any = tl.float32,
        placement: Placement | None = None,
        sip: int | None = None,
    ) -> Tensor:
        """Make a tensor of memory never written; reading it before it is written is an error.

        Parameters
        ----------
        *size : int, or one tuple of int
            The shape.
        dtype : dtype
            Element type, such as ``kb.float16``.
        placement : Placement, optional
            How it lies in the SIP's memory; :class:`Blocked` unless told.
        sip : int, optional
            In whose memory; the current device's unless told: SIP 0, or the rank's.

        Raises
        ------
        OutOfMemoryError
            When the memory has no room; it says how much was wanted and how much there is.
        """
        return self._map(as_shape(size), dtype, placement, sip)

    def zeros(
        self,
        *size: Any,
        dtype: Any = tl.float32,
        placement: Placement | None = None,
        sip: int | None = None,
    ) -> Tensor:
        """Make a tensor of zeros, written when it is created, in no simulated time."""
        return self._map(as_shape(size), dtype, placement, sip, zeroed=True)

    def tensor(
        self,
        data: Any,
        dtype: Any = None,
        placement: Placement | None = None,
        sip: int | None = None,
        keep: bool = False,
    ) -> Tensor:
        """Make a tensor with these values: copied over the host link, in simulated time.

        Parameters
        ----------
        data : array_like
            Numbers.  Python floats become float32, as in torch; NumPy arrays keep their dtype.
        dtype : dtype, optional
            Converts, to nearest even.
        placement, sip
            As for :meth:`empty`.
        keep : bool
            Keep the values even in a context of timing alone, for kernels that decide by them.
            Values of bool and integers are kept anyway.
        """
        values = as_array(data)
        wanted = dtypes.as_dtype(dtype or numpy_dtypes.of_numpy(values.dtype)).element
        if wanted is None:
            raise TypeError(f"tensor: expected a dtype that the machine has, got {dtype!r}")
        made = self._map(
            values.shape, wanted, placement, sip, keep=keep or not wanted.is_floating()
        )
        if made.nbytes:
            if self.data or keep or not wanted.is_floating():
                self._engine.write(made.data_ptr(), numpy_dtypes.to_bytes(values, wanted))
            self.wait(self._host_link.copy(made.sip, made.data_ptr(), made.nbytes, to_device=True))
        return made

    def _unmap_later(self, engine: _core.Engine, sip: int, va: int, in_tcm: bool) -> None:
        if engine is self._engine:
            self._reclaimers[sip].free(va, in_tcm)

    def _unmap_now(self, sip: int) -> None:
        """Give back the memory of tensors that went, unless work that may use it is under way."""
        if ranges := self._reclaimers[sip].take():
            self._engine.replay()
            for va in ranges:
                self._engine.unmap(va)
