"""The context: one simulated machine with its clocks, memory and op log.

Its layers are :class:`Machine` (engine, ranks, clocks), :class:`Turns` (streams and waits),
:class:`TensorMemory` and :class:`RawTransfers`; here are its life, and launches.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Mapping, Sequence
from contextvars import Token
from types import TracebackType
from typing import Any, Literal, Self

from kernbench import _core, language
from kernbench.runtime.arguments import launch_arguments
from kernbench.runtime.face import face_name
from kernbench.runtime.handle import Launch
from kernbench.runtime.rank import Rank, current_rank, enter_rank, leave_rank
from kernbench.runtime.raw_transfers import RawTransfers
from kernbench.runtime.storage import Storage
from kernbench.runtime.tensor import Tensor
from kernbench.runtime.tensor_memory import TensorMemory
from kernbench.topology import Topology

__all__ = ["Context", "current_context", "each_pe"]

_MODULES = {
    "distributed": "kernbench.distributed",
    "multiprocessing": "kernbench.runtime.multiprocessing",
}


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


class Context(TensorMemory, RawTransfers):
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
        told) and drops writes, counted as ``counters["oob_elements"]``.
    instruction_budget : int
        KIR instructions that one program may execute before it is a DeadlockError; 0: no limit.
    replay_threads : int
        Threads that compute values; the bits do not depend on it.
    isa : str, optional
        The instruction set that computes values: ``"portable"``, ``"avx2"``, ``"avx512"``,
        ``"neon"``.  Unless told, the environment's ``KERNBENCH_ISA``, or the best that the host
        has.  The bits do not depend on it.

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
        options: dict[str, Any] = {
            "data": data,
            "oplog": oplog,
            "uninit": uninit,
            "oob": oob,
            "instruction_budget": instruction_budget,
            "replay_threads": replay_threads,
            "isa": isa or os.environ.get("KERNBENCH_ISA") or None,
        }
        self._tokens: list[tuple[Token[Rank | None], Token[language.Launcher | None]]] = []
        super().__init__(topology, data, seed, options)

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
        if not self._tokens and kind is None and self._prints and not self._engine.has_failed:
            self.synchronize()  # what kernels print is shown when the host waits
        leave_rank(rank_token)
        if not self._tokens:
            self._close()

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
            made = request.kernel
            kernel = _core.Kernel(made.code, made.filename, made.first_line)
            self._kernels[made.digest] = kernel
        if request.kernel.prints:
            self._note_prints(request.kernel)
        sip = found if sip is None else sip
        if self._scheduler.workers:
            self._behind_others(request.arguments, sip, stream)
        rank, place, after = self._turn(sip, stream)
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

    def _behind_others(self, arguments: Sequence[Any], sip: int, stream: int | None) -> None:
        """Let what comes next in a stream wait for what another rank does with its tensors there.

        Ranks have streams of their own, and what one hands to another is as it left it.
        """
        rank = self._rank()
        for value in arguments:
            if isinstance(value, Tensor) and isinstance(value._storage, Storage):
                last = value._storage.writer
                if last is None or last.rank == rank.index or last._place is None:
                    continue
                if last._place[0] == sip:
                    place = (sip, rank.stream_on(sip) if stream is None else stream)
                    self._order_behind(place, last)

    @property
    def counters(self) -> Mapping[str, int]:
        """What the engine counted: events, messages, flits, requests, allocations ..."""
        return self._engine.counters()

    def __getattr__(self, name: str) -> Any:
        # torch's names: its dtypes, modules and functions: ctx.float16, ctx.randn ...
        active = current_rank().context
        if not name.startswith("_") and active is not None and active is not self:
            raise RuntimeError(
                f"Context.{name}: expected the innermost active context, got one around it, and "
                "torch's names mean the innermost; leave that first"
            )
        if name in _MODULES:
            return importlib.import_module(_MODULES[name])
        if not name.startswith("_"):
            return face_name(name)
        raise AttributeError(f"Context has no attribute {name!r}")

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{self.now_fs / 1e6:,.3f} ns"
        return f"Context({self.topology!r}, data={self.data}, {state})"
