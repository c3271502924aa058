"""The host's side of its link: timed copies of tensors in, and reads of them out.

A copy is work like a launch: it is submitted into a stream and takes the machine's time.  A read
waits for what wrote the tensor, carries the bytes over the link, and then computes the values
(ADR-0049).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kernbench.errors import DataUnavailableError
from kernbench.runtime.handle import Handle
from kernbench.runtime.storage import Storage
from kernbench.runtime.tensor import Tensor

if TYPE_CHECKING:
    from kernbench.runtime.context import Context

__all__ = ["HostLink"]


class HostLink:
    """How the host of a context copies to its machine, and reads from it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def installs(self) -> bool:
        """Whether a tensor's map takes time (``mmu: {install: timed}``)."""
        system = self._context.topology.system
        return system is not None and system["pe_mmu.install"] == 1

    def copy(
        self, sip: int, va: int, nbytes: int, *, to_device: bool, install: bool = False
    ) -> Handle:
        """Submit the timed copy of a range, over the host link, in the current stream of its SIP.

        A read, whose host has waited for what it needs, does not wait for what the stream was
        ordered behind since: for a collective that peers have not entered, say (ADR-0027 D0.5).
        """
        context = self._context
        if to_device:
            rank, place, after = context._turn(sip)
        else:
            rank, after = context._rank(), ()
            place = (sip, rank.stream_on(sip))
        number = context._engine.copy(
            va, nbytes, to_device, place[1], context._submission(), after, install
        )
        handle = Handle(context, number, "copy_in" if to_device else "copy_out", None, place)
        context._note(rank, handle)
        return handle

    def read(self, tensor: Tensor) -> npt.NDArray[np.uint8]:
        """Return the raw bytes between a tensor's first and last element: a host read."""
        context = self._context
        context._open()
        storage = tensor._storage
        assert isinstance(storage, Storage)
        if storage.engine is not context._engine:
            raise RuntimeError("host read: expected a tensor made since ctx.reset()")
        first, end = tensor._span()
        size = tensor.dtype.itemsize
        va, nbytes = storage.va + first * size, (end - first) * size
        if nbytes == 0:
            return np.empty(0, dtype=np.uint8)
        if not (context.data or storage.keep):
            raise DataUnavailableError(
                "host read: expected data, got a run of timing alone (data=False); benches check "
                "numbers only if ctx.data is true"
            )
        self._settle(storage)
        context.wait(self.copy(storage.sip, va, nbytes, to_device=False))
        context._engine.replay()
        return context._engine.view(va, nbytes)

    def carry(self, tensor: Tensor) -> None:
        """Take the time of a host read, and read nothing."""
        context = self._context
        context._open()
        storage = tensor._storage
        assert isinstance(storage, Storage)
        first, end = tensor._span()
        size = tensor.dtype.itemsize
        if end > first:
            self._settle(storage)
            va = storage.va + first * size
            context.wait(self.copy(storage.sip, va, (end - first) * size, to_device=False))

    def write(self, tensor: Tensor, raw: bytes, wait: bool = True) -> None:
        """Replace the bytes of a dense tensor, in order with its stream: a timed copy.

        Without `wait` the caller goes on at once; who uses the tensor in another stream has to wait
        for an event, as in torch.  The host still waits for the last work that was given it.
        """
        context = self._context
        context._open()
        storage = tensor._storage
        assert isinstance(storage, Storage)
        if storage.engine is not context._engine:
            raise RuntimeError("copy_: expected a tensor made since ctx.reset()")
        if not raw:
            return
        if wait:
            self._settle(storage)
        elif storage.writer is not None:
            context.wait(storage.writer)
            storage.writer = None
        context._engine.replay()  # what is logged reads the old bytes
        if context.data or storage.keep:
            context._engine.write(tensor.data_ptr(), raw)
        copy = self.copy(storage.sip, tensor.data_ptr(), len(raw), to_device=True)
        if wait:
            context.wait(copy)
        else:
            storage.writer = copy

    def _settle(self, storage: Storage) -> None:
        """Wait for the caller's current stream, and for the last writer of a storage."""
        context = self._context
        rank = context._rank()
        for sip in {rank.sip: None, storage.sip: None}:
            if (last := rank.last.get((sip, rank.stream_on(sip)))) is not None:
                context.wait(last)
        if (writer := storage.writer) is not None:
            context.wait(writer)
            storage.writer = None
