"""The scheduler: cooperative ranks over one engine (ADR-0024, ADR-0027 D0).

Each worker is a greenlet.  It runs until it has to wait, then hands over; only the scheduler, on
the main program's stack, drives the engine::

    runnable ranks, in order of rank, each until it waits        one round
    none is runnable: the engine, until the first awaited handle is done, or the least time
    at which a rank wants to act (a poll, a Queue, a Lock) is reached; whoever waited is runnable

A rank acts on what others see only when the machine, and every other rank, has reached its clock.
Acts happen in order of (clock, rank), so times do not depend on the order in which ranks run.
"""

from __future__ import annotations

import contextvars
import re
import threading
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent, greenlet

from kernbench.errors import DeadlockError
from kernbench.runtime.environ import RankEnviron
from kernbench.runtime.event_loop import enter_loop, leave_loop
from kernbench.runtime.rank import Rank, enter_rank
from kernbench.runtime.rank_children import RankChildren
from kernbench.runtime.rank_exit import RankExit, RankKill
from kernbench.runtime.waiting import Waiting
from kernbench.runtime.worker import Worker

if TYPE_CHECKING:
    from kernbench.runtime.context import Context

__all__ = ["Scheduler"]

_Own = RankEnviron | RankExit | RankKill | RankChildren
_OWN: tuple[type[_Own], ...] = (RankEnviron, RankExit, RankKill, RankChildren)
"""What is in the place of a process's own, while workers live."""
_NODE, _PE = re.compile(r"\bsip(\d+)\."), re.compile(r"\bPE (\d+)")
_MOST_STOPS = 100
"""So often a rank may swallow the SystemExit that ends it; then it is left where it waits."""
_FOR_EVER = (1 << 63) - 1
_MOST_NAMED = 24
_MOST_IDLE = 1_000_000
"""So often each rank may ask in vain on an idle machine, before that is a livelock."""


class Scheduler:
    """The workers of one context, and what they wait for."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.main = context._main
        self.workers: dict[int, Worker] = {}
        self.ready: list[Rank] = []
        self.timed: list[tuple[int, int, int, Waiting]] = []
        self.by_handle: dict[int, list[Waiting]] = {}
        self.failed: list[Worker] = []
        self.left: list[greenlet] = []  # those that would not end: kept, for they cannot be freed
        self.to_raise: list[tuple[Rank, Exception]] = []  # where they wait, within this round
        self.interrupted = False
        self.cut_short = False  # a rank was ended before it was through
        self.own: list[_Own] = []  # what ranks have of their own
        self.thread = threading.get_ident()
        self.generation = 0  # of workers: those that run at one time are of one
        self.n_waits = 0
        self.n_idle = 0
        self.on_switch: Callable[[Rank | None], None] | None = None  # told who goes on
        self.on_deadlock: list[Callable[[], list[str]]] = []  # asked what else there is to say

    # --- workers --------------------------------------------------------------------------------

    def start(
        self,
        rank: Rank,
        function: Callable[[], Any],
        on_failure: Callable[[], None] | None = None,
    ) -> Worker:
        """Make a worker; it runs when the main program next waits."""
        worker = Worker(self, rank, function, on_failure)
        if not self.workers:
            self.context._check_rest()
            self.generation += 1
            self.thread = threading.get_ident()
            self.own = [each.install() for each in _OWN]
        variables = contextvars.copy_context()
        variables.run(enter_rank, rank)
        rank.greenlet = greenlet(worker.body, getcurrent())
        rank.greenlet.gr_context = variables
        self.workers[rank.index] = worker
        self.ready.append(rank)
        return worker

    def forget(self, worker: Worker) -> None:
        """Note that a worker is over; tell those who wait for that."""
        rank = worker.rank
        self.workers.pop(rank.index, None)
        if worker.failure is not None:
            self.failed.append(worker)
        self.wake(worker.joiners, rank.clock_fs)
        if not self.workers:
            while self.own:
                self.own.pop().remove()

    def stop(self, workers: list[Worker]) -> None:
        """End workers: SystemExit where they wait, and again at each wait while they unwind."""
        for worker in workers:
            rank = worker.rank
            if worker.ended:
                continue
            self.cut_short = rank.aborting = True
            self.cancel(rank)
            if rank in self.ready:
                self.ready.remove(rank)
            if worker.started and rank.greenlet is not None:
                self.throw(rank, SystemExit())
            if not worker.ended:
                worker.ended = True
                if worker.started and rank.greenlet is not None:
                    self.left.append(rank.greenlet)
                self.forget(worker)

    def stop_all(self) -> None:
        """End every worker."""
        self.stop(list(self.workers.values()))
        self.to_raise.clear()

    # --- waiting --------------------------------------------------------------------------------

    def wait(self, waiting: Waiting) -> None:
        """Hand over until `waiting` is over; called by whoever waits."""
        rank = waiting.rank
        rank.let_go()
        worker = rank.greenlet
        if rank.aborting or worker is not getcurrent():
            self.check(rank)
        rank.waiting = waiting
        for number in waiting.handles:
            self.by_handle.setdefault(number, []).append(waiting)
            self.context._engine.await_(number)
        if waiting.at_fs is not None:
            self.n_waits += 1
            heappush(self.timed, (waiting.at_fs, rank.index, self.n_waits, waiting))
        if worker is None:
            self.drive(waiting)
        else:
            self.hand_over(worker)

    def come_up(self, rank: Rank, what: str, asks: bool = False) -> None:
        """Hand over until the machine, and the other ranks, have come up to a rank's clock.

        `asks`: the rank only looks; one that looks for ever, at a machine where nothing happens, is
        found.
        """
        self.n_idle = self.n_idle + 1 if asks else 0  # as in `count`
        rank.let_go()
        worker, tick = rank.greenlet, rank.tick
        if worker is None or tick is None or rank.aborting or worker is not getcurrent():
            rank.tick = Waiting(rank, what, at_fs=rank.clock_fs)
            self.wait(rank.tick)
            return
        tick.what, tick.over = what, False
        tick.at_fs = tick.since_fs = rank.clock_fs
        rank.waiting = tick
        self.n_waits += 1
        heappush(self.timed, (tick.at_fs, rank.index, self.n_waits, tick))
        self.hand_over(worker)

    def count(self, asks: bool) -> None:
        """Count what the main program asks in vain while no other rank runs."""
        self.n_idle = self.n_idle + 1 if asks else 0
        if self.n_idle > _MOST_IDLE:
            raise DeadlockError(
                "livelock: the main program asks again and again, and no other rank is running"
            )

    def give_way(self, rank: Rank) -> None:
        """Let a worker go on in the next round, with those that it has just woken."""
        if rank.greenlet is None:
            return
        rank.let_go()
        if rank.aborting or rank.greenlet is not getcurrent():
            self.check(rank)
        self.ready.append(rank)
        self.hand_over(rank.greenlet)

    def hand_over(self, worker: greenlet) -> None:
        """Let the scheduler go on, until it lets the worker go on."""
        loop = leave_loop()
        try:
            worker.parent.switch()
        finally:
            enter_loop(loop)

    def check(self, rank: Rank) -> None:
        """Refuse a wait on another stack than the rank's own, and any of one that is ended."""
        if rank.aborting:
            rank.n_stops += 1
            if rank.n_stops > _MOST_STOPS and rank.greenlet is not None:
                self.hand_over(rank.greenlet)
            raise SystemExit
        if rank.greenlet is None:
            foreign = bool(self.workers) and threading.get_ident() != self.thread
        else:
            foreign = getcurrent() is not rank.greenlet
        if foreign:
            raise RuntimeError(
                f"{rank}: expected waits, and whatever yields, on its own stack, got one on "
                "another thread or greenlet; ranks run one at a time, in the thread that made them"
            )

    def wake(self, waits: list[Waiting], clock_fs: int) -> None:
        """End waits for what has happened now, by an act at `clock_fs`; empties the list."""
        for waiting in waits:
            if not waiting.over:
                self.finish(waiting, clock_fs)
        waits.clear()

    def finish(self, waiting: Waiting, clock_fs: int) -> None:
        """End a wait: its rank is runnable, at its own clock or this one if it is later."""
        rank = waiting.rank
        waiting.over = True
        rank.waiting = None
        if clock_fs > rank.clock_fs:
            rank.clock_fs = clock_fs
        if rank.greenlet is not None:
            self.ready.append(rank)

    def cancel(self, rank: Rank) -> None:
        """Forget what a rank waits for."""
        waiting, rank.waiting = rank.waiting, None
        if waiting is None:
            return
        waiting.over = True
        for number in waiting.handles:
            others = [w for w in self.by_handle.get(number, []) if not w.over]
            if others:
                self.by_handle[number] = others
            elif self.by_handle.pop(number, None) is not None:
                self.context._engine.await_(number, False)

    # --- driving --------------------------------------------------------------------------------

    def drive(self, goal: Waiting) -> None:
        """Run ranks and the engine until the main program's wait is over."""
        loop = leave_loop()
        try:
            while not goal.over:
                if self.ready or self.failed:
                    self.round()
                else:
                    self.advance()
        except KeyboardInterrupt:
            self.stop_all()
            raise
        finally:
            self.cancel(self.main)
            enter_loop(loop)

    def round(self) -> None:
        """Run each runnable rank until it waits, in order of rank; none after Ctrl-C in one."""
        ready, self.ready = self.ready, []
        if len(ready) > 1:
            ready.sort(key=_index)
        for rank in ready:
            self.resume(rank)
            if self.interrupted:
                break
        self.settle()

    def resume(self, rank: Rank) -> None:
        """Let a worker go on until it waits."""
        worker = self.workers.get(rank.index)
        if worker is None or rank.greenlet is None:
            return
        worker.started = True
        if self.on_switch is None:
            rank.greenlet.switch()
        else:
            self.on_switch(rank)
            rank.greenlet.switch()
            self.on_switch(None)

    def settle(self) -> None:
        """Deal with what came up within a round: errors for others, Ctrl-C, ranks that failed."""
        while self.to_raise and not self.interrupted:
            rank, error = self.to_raise.pop(0)
            if rank.waiting is not None and rank.index in self.workers:
                self.cancel(rank)
                self.throw(rank, error)
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt
        while self.failed:
            failed, self.failed = self.failed, []
            for worker in failed:
                if worker.on_failure is not None:
                    worker.on_failure()

    def advance(self) -> None:
        """Run the engine, for nobody is runnable, until somebody is."""
        timed = self.timed
        while timed and timed[0][3].over:
            heappop(timed)
        limit = timed[0][0] if timed else _FOR_EVER
        try:
            arrived, idle = self.context._engine.run_awaited(limit)
        except Exception as error:  # a ValueError, too, where a kernel misuses an operation
            self.blame(error)
            return
        if arrived:
            self.n_idle = 0
            for number in arrived:
                self.arrive(number)
        elif limit != _FOR_EVER:
            if not idle:
                self.n_idle = 0
            elif self.n_idle > _MOST_IDLE * len(self.workers):
                self.deadlock("livelock: ranks ask again and again, and nothing moves any more")
            self.come_to(heappop(timed)[3], limit)
        elif idle:
            self.deadlock()

    def come_to(self, waiting: Waiting, limit: int) -> None:
        """End a wait for a time; its rank goes on at once, for it is the only one that can."""
        rank = waiting.rank
        waiting.timed_out = waiting.over = True
        if waiting.handles:
            self.cancel(rank)
        rank.waiting = None
        if limit > rank.clock_fs:
            rank.clock_fs = limit
        if rank.greenlet is not None:
            self.resume(rank)
            if self.to_raise or self.failed or self.interrupted:
                self.settle()

    def arrive(self, number: int) -> None:
        """Note that an awaited handle is done."""
        end_fs = self.context._engine.handle(number)[2]
        for waiting in self.by_handle.pop(number, []):
            waiting.missing -= 1
            waiting.rank.clock_fs = max(waiting.rank.clock_fs, end_fs)
            if waiting.missing == 0 and not waiting.over:
                self.finish(waiting, end_fs)

    def blame(self, error: Exception) -> None:
        """Raise a failure of the engine in the rank whose work it was, as far as that is known.

        The others get it, or that the context has failed, at their turn.
        """
        waiting = [rank for rank in self.ranks() if rank.waiting and rank.waiting.handles]
        waiting = waiting or [rank for rank in self.ranks() if rank.waiting]
        sip = self.sip_of(error)
        rank = next((rank for rank in waiting if rank.sip == sip), waiting[0])
        self.cancel(rank)
        if rank.greenlet is None:
            raise error
        self.throw(rank, error)

    def throw(self, rank: Rank, error: BaseException) -> None:
        """Raise an exception where a worker waits."""
        assert rank.greenlet is not None
        if self.on_switch is not None:
            self.on_switch(rank)
        rank.greenlet.throw(error)
        if self.on_switch is not None:
            self.on_switch(None)

    def sip_of(self, error: Exception) -> int | None:
        """Return the SIP that an error of the engine names, by a node or a PE's number."""
        if (named := _NODE.search(str(error))) is not None:
            return int(named[1])
        if (named := _PE.search(str(error))) is None or self.context.topology.system is None:
            return None
        system = self.context.topology.system
        return int(named[1]) // int(system["n_pes"] * system["cubes_x"] * system["cubes_y"])

    def ranks(self) -> list[Rank]:
        """Return those that live, in order: the main program first."""
        workers = [self.workers[index].rank for index in sorted(self.workers)]
        return [self.main, *workers]

    def deadlock(
        self, what: str = "deadlock: every rank waits, and nothing can move any more"
    ) -> None:
        """End all, for nothing can move, and say who waits for what."""
        workers = [rank.waiting for rank in self.ranks()[1:] if rank.waiting]
        lines = [waiting.describe() for waiting in workers[:_MOST_NAMED]]
        if len(workers) > _MOST_NAMED:
            lines.append(f"and {len(workers) - _MOST_NAMED} more ranks wait")
        if self.main.waiting is not None:
            lines.append(self.main.waiting.describe())
        for more in self.on_deadlock:
            for line in more():
                what_waits = line.partition(", called at ")[0]
                if not any(what_waits in known for known in lines):
                    lines.append(line)
        why = f"{what}:\n  " + "\n  ".join(lines)
        try:
            self.context._engine.run()
        except DeadlockError as error:
            why += f"\n  the machine: {error}"
        except Exception:
            pass
        self.stop_all()
        raise DeadlockError(why)


def _index(rank: Rank) -> int:
    return rank.index
