"""Turns of work in streams, and waits: who goes on when.

The scripts' Python costs no simulated time.  Each call that issues work costs ``host.call_ns`` on
the host clock, a wait moves it to the completion, and it is never before the engine's now
(ADR-0049).
"""

from __future__ import annotations

from kernbench.runtime.handle import Handle, Mark
from kernbench.runtime.machine import Machine
from kernbench.runtime.rank import Rank
from kernbench.runtime.waiting import Waiting

__all__ = ["Turns"]

_TURN_AFTER = 8
"""So many handles the engine takes as what must come first (csrc/hw/component/turn.h)."""


class Turns(Machine):
    """A machine that takes work in turns, and is waited for."""

    def _mark(self, place: tuple[int, int]) -> Mark:
        """Submit a mark into a stream."""
        rank, place, after = self._turn(*place)
        mark = Mark(
            self._me, self._engine.mark(*place, self._submission(), after), "event", None, place
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
        place = (sip, rank.stream_on(sip) if stream is None else stream)
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
        handle._see()
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
