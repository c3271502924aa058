"""Raw messages, reads and writes, without a kernel; and what memories have counted."""

from __future__ import annotations

from typing import Any, Literal

from kernbench.runtime.handle import Handle
from kernbench.runtime.memory import MemoryStatistics
from kernbench.runtime.traffic import Transfers, batch
from kernbench.runtime.turns import Turns

__all__ = ["RawTransfers"]


class RawTransfers(Turns):
    """A machine that takes transfers by hand."""

    def memory_statistics(self, memory: str | int) -> MemoryStatistics:
        """Return what an HBM with a ``standard`` has counted so far.

        Parameters
        ----------
        memory : str or int
            Its name, or node id.

        Raises
        ------
        ValueError
            When the node is no such memory.
        TopologyError
            When there is no such node.

        Examples
        --------
        >>> import kernbench as kb
        >>> with kb.Context("small") as ctx:
        ...     h = ctx.transfer("sip0.cube0.pe0.dma", "sip0.cube0.hbm", 4096, op="read")
        ...     ctx.wait(h)
        ...     int(ctx.memory_statistics("sip0.cube0.hbm").reads.sum())
        128
        """
        self._open()
        counted = self._engine.memory(self.topology.find(memory))
        return MemoryStatistics(**counted, elapsed_fs=self._engine.now_fs)

    def transfer(
        self,
        src: str | int,
        dst: str | int,
        nbytes: int,
        at_fs: int | None = None,
        op: Literal["message", "read", "write"] = "message",
        addr: int = 0,
    ) -> Handle:
        """Submit one raw message over the fabric, or one raw read or write of a memory.

        Parameters
        ----------
        src, dst : str or int
            Node names or ids; of a read or write, ``dst`` is the memory.
        nbytes : int
            Payload; 0 is a command alone, one flit.
        at_fs : int, optional
            Start, in femtoseconds; now unless told.
        op : {"message", "read", "write"}
            What it is.
        addr : int
            Offset in the memory, of a read or write.

        Raises
        ------
        ValueError
            When ``at_fs`` is earlier than now, or a number is negative.
        """
        self._open()
        table = batch(self.topology, [src], [dst], [nbytes], [at_fs or 0], op, [addr])
        start = self.now_fs if at_fs is None else at_fs
        if start < self.now_fs:
            raise ValueError(
                f"at_fs: expected a time not before now ({self.now_fs} fs), got {start}"
            )
        number = self._engine.transfer(
            int(table.src[0]), int(table.dst[0]), nbytes, start, int(table.op[0]), addr
        )
        return Handle(self._me, number, op)

    def transfers(
        self,
        src: Any,
        dst: Any,
        nbytes: Any,
        at_fs: Any,
        op: Any = "message",
        addr: Any = None,
    ) -> Transfers:
        """Submit a batch of raw transfers, and run the machine until all are done.

        Parameters
        ----------
        src, dst : sequence of str or int
            Node names or ids.
        nbytes, at_fs : sequence of int
            Payload bytes, and starts in femtoseconds (not before now), in any order.
        op : str or sequence of str
            ``"message"``, ``"read"`` or ``"write"``, for all or for each.
        addr : sequence of int, optional
            Offsets in the memories, for reads and writes.

        Returns
        -------
        Transfers
            ``start_fs``, ``end_fs``, ``latency_fs`` as int64 arrays, in the order given.
        """
        self._open()
        table = batch(self.topology, src, dst, nbytes, at_fs, op, addr)
        if len(table.at_fs) and int(table.at_fs.min()) < self.now_fs:
            raise ValueError(
                f"at_fs: expected times not before now ({self.now_fs} fs), got {table.at_fs.min()}"
            )
        if self._rank().is_worker or self._scheduler.workers:
            raise RuntimeError("transfers: expected no rank to be running: it runs the machine")
        start, end = self._engine.transfers(
            table.src, table.dst, table.nbytes, table.at_fs, table.op, table.addr
        )
        self._main.clock_fs = self.now_fs
        return Transfers(start, end)
