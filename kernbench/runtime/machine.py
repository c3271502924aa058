"""The machine of a context: its engine, its ranks, and their clocks."""

from __future__ import annotations

import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from kernbench import _core
from kernbench.errors import DeadlockError
from kernbench.runtime.handle import Launch
from kernbench.runtime.host_link import HostLink
from kernbench.runtime.kernel_places import with_files
from kernbench.runtime.kernel_prints import show_prints
from kernbench.runtime.oplog import OpLog
from kernbench.runtime.rank import Rank, current_rank
from kernbench.runtime.reclaim import Reclaimer
from kernbench.runtime.scheduler import Scheduler
from kernbench.topology import Topology

if TYPE_CHECKING:
    from kernbench.language.compiler import CompiledKernel
    from kernbench.runtime.context import Context

__all__ = ["Machine"]


class Machine:
    """What every part of a :class:`Context` stands on: the lowest of its layers.

    Parameters
    ----------
    topology : Topology
        Checked.
    data, seed : bool, int
        As of a context.
    options : dict
        What the engine is given besides the topology.
    """

    def __init__(self, topology: Topology, data: bool, seed: int, options: dict[str, Any]) -> None:
        self.topology = topology
        self.data = data
        self.seed = seed
        self._options = options
        self._closed = False
        self._main = Rank(self._me)
        self._start()

    @property
    def _me(self) -> Context:
        """The object by its full type, for those that keep it."""
        return cast("Context", self)

    def _start(self) -> None:
        self._engine = _core.Engine(
            self.topology._core, on_print=show_prints, on_error=with_files, **self._options
        )
        self._told = ""  # which messages were left that a warning has told of
        self._prints = False  # whether a kernel that prints was launched
        self._main.start_over()
        self._scheduler = Scheduler(self._me)
        self._shared: dict[Any, Any] = {}  # what layers above keep for all ranks together
        self._kernels: dict[str, _core.Kernel] = {}
        self._reclaimers: defaultdict[int, Reclaimer] = defaultdict(Reclaimer)  # by SIP
        self._allocated: defaultdict[int, int] = defaultdict(int)  # bytes of tensors, by SIP
        self._n_streams: defaultdict[int, int] = defaultdict(int)  # by SIP, beside the default one
        self.rng = np.random.default_rng(self.seed)
        self.launches: list[Launch] = []
        self._host_link = HostLink(self._me)
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
        self._tell_messages_left(3)
        self._start()

    def close(self) -> None:
        """No more work is taken.  What was logged can still be read; values cannot.

        Ranks that still run are ended.  Messages between PEs that nobody has received are told in
        a warning, as they are by `reset`.
        """
        self._close()

    def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._scheduler.stop_all()
        self._tell_messages_left(4)

    def _note_prints(self, kernel: CompiledKernel) -> None:
        """Say once that there is nothing to print in a run of timing alone."""
        if not (self.data or self._prints):
            warnings.warn(
                f"{kernel.name} prints (tl.device_print), but in a run of timing alone "
                "(data=False, --no-data) there are no values to show: nothing is printed; run it "
                "with data",
                RuntimeWarning,
                stacklevel=5,
            )
        self._prints = True

    def _tell_messages_left(self, stacklevel: int) -> None:
        if self._scheduler.cut_short:
            return  # whoever would have received them was ended
        left = self._engine.messages_left()
        if left and left != self._told:
            self._told = left
            warnings.warn(
                "messages that were sent and that nobody received lie in their rings (kernel and "
                f"line of the first, how many, between which PEs): {left}",
                stacklevel=stacklevel,
            )

    def _check_rest(self) -> None:
        """Refuse new ranks where ranks that were ended have left kernels waiting, or messages.

        What comes next would take them for its own.
        """
        if not self._scheduler.cut_short:
            return
        try:
            self._engine.run()
            left = self._engine.messages_left()
        except DeadlockError as error:
            left = str(error)
        if left:
            raise RuntimeError(
                "expected a machine at rest, got one where ranks that were ended, since another "
                f"failed, have left what others wait for: {left}; start over with reset() of the "
                "Context, or make a new one"
            )
        self._scheduler.cut_short = False

    def _open(self) -> None:
        if self._closed:
            raise RuntimeError("the Context is closed; make a new one")

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
