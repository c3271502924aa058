"""The context: one simulated machine with its clocks, memory and op log.

The scripts' Python costs no simulated time.  Each call that issues work costs ``host.call_ns`` on
the host clock, a wait moves it to the completion, and it is never before the engine's now
(ADR-0049).
"""

from __future__ import annotations

import importlib
import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextvars import Token
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

from kernbench import _core, language
from kernbench.errors import OutOfMemoryError
from kernbench.language import dtypes as tl
from kernbench.runtime import dtypes, numpy_dtypes
from kernbench.runtime.arguments import launch_arguments
from kernbench.runtime.face import face_name
from kernbench.runtime.handle import Handle, Launch, Mark
from kernbench.runtime.host_link import HostLink
from kernbench.runtime.inputs import as_array, as_shape
from kernbench.runtime.memory import MemoryStatistics
from kernbench.runtime.oplog import OpLog
from kernbench.runtime.placement import Blocked, Placement
from kernbench.runtime.rank import Rank, current_rank, enter_rank, leave_rank
from kernbench.runtime.reclaim import Reclaimer
from kernbench.runtime.scheduler import Scheduler
from kernbench.runtime.storage import Storage
from kernbench.runtime.tensor import Tensor
from kernbench.runtime.traffic import Transfers, batch
from kernbench.runtime.waiting import Waiting
from kernbench.topology import Topology

__all__ = ["Context", "current_context", "each_pe"]

_MODULES = {
    "distributed": "kernbench.distributed",
    "multiprocessing": "kernbench.runtime.multiprocessing",
}

_TURN_AFTER = 8
"""So many handles the engine takes as what must come first (csrc/hw/component/turn.h)."""


class _EachPE:
    """The grid of a kernel that runs once on every PE."""

    def __repr__(self) -> str:
        return "kernbench.each_pe"


each_pe = _EachPE()


def current_context() -> Context:
    """Return the innermost active context.

    Raises
    ------
    RuntimeError
        When there is none.
    """
    context = current_rank().context
    if context is None:
        raise RuntimeError(
            "no kernbench.Context is active; write `with kernbench.Context(topology):` around the "
            "call, or run the script with `kernbench run`"
        )
    return context


class Context:
    """A simulated machine, ready for work.

    Parameters
    ----------
    topology : Topology, str or None
        The machine; a preset's name will do; None is the preset ``default``.
    data : bool
        False simulates timing alone: tensors have no values, and no memory is taken for them.
    seed : int
        For random numbers (``ctx.rng``).
    oplog : {"full", "hash"}
        ``"hash"`` keeps no records, only their rolling hash: for huge runs.
    uninit : {"error", "nan", "ignore"}
        What an unmasked read of memory never written does: UninitialisedReadError, NaN, or whatever
        is there (counted).
    oob : {"error", "zero"}
        What an access outside its tensor does: OutOfBoundsError, or it reads ``other`` (0 unless
        told)
        and drops writes, counted as ``counters["oob_elements"]``.
    instruction_budget : int
        KIR instructions that one program may execute before it is a DeadlockError; 0: no limit.
    replay_threads : int
        Threads that compute values; the bits do not depend on it.
    isa : str, optional
        The instruction set that computes values: ``"portable"``, ``"avx2"``, ``"avx512"``,
        ``"neon"``.  Unless told, the environment's ``KERNBENCH_ISA``, or the best that the host
        has.  The bits do
        not depend on it.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.zeros((4, 4), dtype=kb.float16)
    ...     x.tolist()[0], ctx.now_fs > 0
    ([0.0, 0.0, 0.0, 0.0], True)
    """

    def __init__(
        self,
        topology: Topology | str | None = None,
        data: bool = True,
        seed: int = 0,
        oplog: Literal["full", "hash"] = "full",
        *,
        uninit: Literal["error", "nan", "ignore"] = "error",
        oob: Literal["error", "zero"] = "error",
        instruction_budget: int = 0,
        replay_threads: int = 1,
        isa: str | None = None,
    ) -> None:
        if topology is None or isinstance(topology, str):
            topology = Topology.preset("default" if topology is None else topology)
        if not isinstance(topology, Topology):
            raise TypeError(f"Context: expected a Topology or a preset's name, got {topology!r}")
        self.topology = topology
        self.data = data
        self.seed = seed
        self._options: dict[str, Any] = {
            "data": data,
            "oplog": oplog,
            "uninit": uninit,
            "oob": oob,
            "instruction_budget": instruction_budget,
            "replay_threads": replay_threads,
            "isa": isa or os.environ.get("KERNBENCH_ISA") or None,
        }
        self._tokens: list[tuple[Token[Rank | None], Token[language.Launcher | None]]] = []
        self._closed = False
        self._main = Rank(self)
        self._start()

    def _start(self) -> None:
        self._engine = _core.Engine(self.topology._core, **self._options)
        self._main.start_over()
        self._scheduler = Scheduler(self)
        self._shared: dict[Any, Any] = {}  # what layers above keep for all ranks together
        self._kernels: dict[str, _core.Kernel] = {}
        self._reclaimers: defaultdict[int, Reclaimer] = defaultdict(Reclaimer)  # by SIP
        self._allocated: defaultdict[int, int] = defaultdict(int)  # bytes of tensors, by SIP
        self._n_streams: defaultdict[int, int] = defaultdict(int)  # by SIP, beside the default one
        self.rng = np.random.default_rng(self.seed)
        self.launches: list[Launch] = []
        self._host_link = HostLink(self)
        self.oplog = OpLog(self._engine)
        system = self.topology.system
        self._call_fs = 0 if system is None else int(system["host.call_fs"])
        counts = system or {"cubes_x": 1, "cubes_y": 1, "n_pes": 1}
        self._pes_per_sip = int(counts["cubes_x"] * counts["cubes_y"] * counts["n_pes"])

    def reset(self) -> None:
        """Start over: a new machine at time 0, an empty log, no tensors.

        It revives a failed context.  Tensors made before stay with the old machine: they cannot be
        used with the new one.
        """
        self._open()
        if self._scheduler.workers:
            raise RuntimeError("reset: expected no rank to be running")
        self._start()

    # --- life -------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._open()
        self._tokens.append((enter_rank(self._main), language.set_launcher(self._launch)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        rank_token, launcher_token = self._tokens.pop()
        language.reset_launcher(launcher_token)
        leave_rank(rank_token)
        if not self._tokens:
            self.close()

    def close(self) -> None:
        """No more work is taken.  What was logged can still be read; values cannot.

        Ranks that still run are ended.
        """
        self._closed = True
        self._scheduler.stop_all()

    def _open(self) -> None:
        if self._closed:
            raise RuntimeError("the Context is closed; make a new one")

    # --- clocks and waiting -----------------------------------------------------------------------

    def _rank(self) -> Rank:
        """Return who calls: a worker of this context, else its main program."""
        rank = current_rank()
        return rank if rank.context is self else self._main

    @property
    def now_fs(self) -> int:
        """The clock of the host, or of the rank that asks, in femtoseconds (ADR-0049)."""
        rank = self._rank()
        return rank.clock_fs if rank.is_worker else max(rank.clock_fs, self._engine.now_fs)

    def _submission(self) -> int:
        """Return the time of a call that issues work, on the clock of who calls."""
        self._open()
        rank = self._rank()
        rank.clock_fs = self.now_fs + self._call_fs
        return rank.clock_fs

    def _mark(self, place: tuple[int, int]) -> Mark:
        """Submit a mark into a stream."""
        rank, place, after = self._turn(*place)
        mark = Mark(
            self, self._engine.mark(*place, self._submission(), after), "event", None, place
        )
        self._note(rank, mark)
        return mark

    def _order_behind(self, place: tuple[int, int], handle: Handle) -> None:
        """Let what comes next in a stream wait for work in another one."""
        if handle._place is None or handle._place[0] != place[0]:
            self.wait(handle)  # SIPs do not know of each other's streams: the host waits
        elif handle._place != place and not handle._seen:
            self._rank().pending_after.setdefault(place, []).append(handle)

    def _turn(
        self, sip: int, stream: int | None = None
    ) -> tuple[Rank, tuple[int, int], tuple[int, ...]]:
        """Return who submits, in which stream (the current one), and what has to come before."""
        rank = self._rank()
        rank.let_go()
        place = (sip, rank.streams.get(sip, 0) if stream is None else stream)
        if not rank.pending_after:
            return rank, place, ()
        after = [h._number for h in rank.pending_after.pop(place, ()) if not h._seen]
        while len(after) > _TURN_AFTER:  # more than one turn can name: marks in the same stream
            self._engine.mark(*place, self._submission(), tuple(after[:_TURN_AFTER]))
            del after[:_TURN_AFTER]
        return rank, place, tuple(after)

    def _note(self, rank: Rank, handle: Handle) -> None:
        """Note what was submitted last in a stream."""
        assert handle._place is not None
        sip, stream = handle._place
        rank.last[handle._place] = handle
        if isinstance(handle, Mark):
            self._reclaimers[sip].submitted(handle, stream)
        else:
            self._reclaimers[sip].launched(handle, stream)

    def _see(self, handle: Handle) -> None:
        """Note that the script knows of the end of this, and of what came before it."""
        handle._seen = True
        handle._keep = None
        if handle._place is not None:
            self._reclaimers[handle._place[0]].seen(handle, handle._place[1])
            rank = self._rank()
            if rank.last.get(handle._place) is handle:
                del rank.last[handle._place]

    def wait(self, handle: Handle) -> None:
        """Wait until the work is done; at once when it is.

        The main program runs the machine; a worker hands over to the scheduler, and goes on when
        the work is done (ADR-0027 D0).

        Raises
        ------
        DeadlockError
            When it can never be done; the message says who waits for what.
        KernbenchError
            When a kernel fails; the context is failed from then on (see :meth:`reset`).
        """
        if not isinstance(handle, Handle):
            raise TypeError(f"wait: expected a handle, got {handle!r}")
        if handle._engine is not self._engine:
            raise ValueError("wait: expected a handle of this context, since its last reset")
        if handle._seen:
            return
        rank = self._rank()
        info = handle._info()
        if not info[0]:
            if rank.is_worker or self._scheduler.workers:
                self._scheduler.wait(Waiting(rank, handle._what, (handle._number,)))
            else:
                self._engine.run(handle._number)
            info = handle._info()
        rank.clock_fs = max(rank.clock_fs, info[2])
        self._see(handle)

    def _poll(self, handle: Handle) -> None:
        """Ask whether the work is done: a call, up to which the machine comes (ADR-0049 D5)."""
        if handle._engine is not self._engine:
            raise ValueError("done: expected a handle of this context, since its last reset")
        rank = self._rank()
        rank.clock_fs = self.now_fs + self._call_fs
        idle = self._pass(rank, f"an answer whether {handle._what()} is done", asks=True)
        if handle._info()[0]:
            self._see(handle)
        elif idle:
            self._engine.run(handle._number)  # which says who waits for what

    def _pass(self, rank: Rank, what: str, asks: bool = False) -> bool:
        """Let the machine, and the other ranks, come up to a rank's clock.

        Returns whether, without other ranks, nothing is left to happen.
        """
        if rank.greenlet is not None or self._scheduler.workers:
            self._scheduler.come_up(rank, what, asks)
            return False
        return self._engine.run_awaited(rank.clock_fs)[1]

    def synchronize(self) -> None:
        """Wait for everything that was submitted, and compute its values.

        In a worker, and in the main program while there are workers: for what the caller submitted.
        Errors in computing (uninitialised reads, say) are raised here, too.
        """
        if self._rank().is_worker or self._scheduler.workers:
            self._drain()
        else:
            self._engine.run()
            self._main.clock_fs = self.now_fs
            self._main.last.clear()
            for reclaimer in self._reclaimers.values():
                reclaimer.all_seen()
        self._engine.replay()

    def _end(self) -> None:
        """End a worker's program: what it has begun is brought to its end."""
        self._rank().let_go()
        for finish in self._rank().at_end:
            finish()
        self._drain()

    def _drain(self) -> None:
        """Wait for what the caller has submitted."""
        self._rank().let_go()
        last = self._rank().last
        while last:
            place, handle = next(iter(last.items()))
            self.wait(handle)
            last.pop(place, None)  # still there where another rank has seen it done

    def replay(self) -> None:
        """Compute the values of what is logged: phase 2 by hand; host reads do it themselves."""
        self._engine.replay()

    # --- tensors ----------------------------------------------------------------------------------

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
        return Tensor._over(Storage(self, va, nbytes, sip, place, keep), kind, shape)

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

    # --- work -------------------------------------------------------------------------------------

    def _launch(
        self,
        request: language.Launch,
        *,
        sip: int | None = None,
        stream: int | None = None,
        comm: bool = False,
    ) -> Launch | None:
        """Take ``kernel[grid](...)``: the launcher of this context.

        Collectives say on which SIP and stream, and run in the communication contexts of its PEs
        (`comm`).
        """
        deal, grid = "blocked", request.grid
        if grid is each_pe:
            deal, grid = "each_pe", (1,)
        elif not isinstance(grid, tuple):
            raise TypeError(
                f"{request.kernel.name}: expected a grid of 1 to 3 integers or kb.each_pe, "
                f"got {grid!r}"
            )
        if math.prod(grid) >= 1 << 31:
            raise ValueError(
                f"{request.kernel.name}: expected a grid of fewer than 2**31 programs, got {grid}"
            )
        if 0 in grid:
            return None
        found, bits = launch_arguments(request, self._engine, self._rank().sip)
        kernel = self._kernels.get(request.kernel.digest)
        if kernel is None:
            kernel = self._kernels[request.kernel.digest] = _core.Kernel(request.kernel.code)
        rank, place, after = self._turn(found if sip is None else sip, stream)
        if self._reclaimers[place[0]].launches_want_it:
            self._unmap_now(place[0])
        number = self._engine.launch(
            kernel=kernel,
            sip=place[0],
            grid=(*grid, 1, 1)[:3],
            args=bits,
            stream=place[1],
            deal=deal,
            submit_fs=self._submission(),
            after=after,
            comm=comm,
        )
        launch = Launch(self, number, request.kernel.name, request.arguments, place)
        self._note(rank, launch)
        for value in request.arguments:
            if isinstance(value, Tensor) and isinstance(value._storage, Storage):
                value._storage.writer = launch
        self.launches.append(launch)
        return launch

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
        return Handle(self, number, op)

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

    @property
    def counters(self) -> Mapping[str, int]:
        """What the engine counted: events, messages, flits, requests, allocations ..."""
        return self._engine.counters()

    def __getattr__(self, name: str) -> Any:
        # torch's names: its dtypes, modules and functions: ctx.float16, ctx.randn ...
        if name in _MODULES:
            return importlib.import_module(_MODULES[name])
        if not name.startswith("_"):
            return face_name(name)
        raise AttributeError(f"Context has no attribute {name!r}")

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self.now_fs / 1e6:,.3f} ns"
        return f"Context({self.topology!r}, data={self.data}, {state})"
