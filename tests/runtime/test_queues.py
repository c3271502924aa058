"""Queues, locks, events and barriers between ranks carry clocks (ADR-0049 D7)."""

from __future__ import annotations

import os
import queue as standard
import signal
import threading
from itertools import pairwise
from typing import Any

import pytest
from ranks import add_some, machine

import kernbench as kb
from kernbench.errors import ProcessExitedException

MS_FS = 10**12


def spend(rounds: int) -> int:
    ctx = kb.current_context()
    ctx.wait(add_some[(1,)](ctx.zeros(128), rounds, BLOCK=128))
    return ctx.now_fs


def test_what_is_handed_over_carries_the_clock() -> None:
    seen: dict[str, int] = {}

    def work(rank: int, queue: Any) -> None:
        if rank == 0:
            seen["put"] = spend(500)
            queue.put("x")
        else:
            assert queue.get() == "x"
            seen["got"] = kb.current_context().now_fs

    with machine() as ctx:
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.SimpleQueue(),), nprocs=2)
    assert seen["got"] == seen["put"] > 0


def test_puts_are_in_order_of_clock_not_of_running() -> None:
    """ADR-0049 D7: rank 0 runs first, and puts later."""
    order = []

    def work(rank: int, queue: Any) -> None:
        ctx = kb.current_context()
        for _ in range(1 if rank else 5):
            ctx.zeros(1)
            ctx.tensor([1.0])
        queue.put((rank, ctx.now_fs))

    with machine(3) as ctx:
        queue = ctx.multiprocessing.Queue()
        ctx.multiprocessing.spawn(work, args=(queue,), nprocs=3)
        order = [queue.get() for _ in range(3)]
    assert [rank for rank, _ in order] == [1, 2, 0]
    assert [clock for _, clock in order] == sorted(clock for _, clock in order)


def test_a_full_queue_holds_the_giver_up() -> None:
    clocks = {}

    def work(rank: int, queue: Any) -> None:
        ctx = kb.current_context()
        if rank == 0:
            queue.put(1)
            with pytest.raises(standard.Full):
                queue.put_nowait(2)
            queue.put(2)
            clocks["put"] = ctx.now_fs
        else:
            clocks["get"] = spend(700)
            assert (queue.get(), queue.get()) == (1, 2)

    with machine() as ctx:
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Queue(maxsize=1),), nprocs=2)
    assert clocks["put"] == clocks["get"]


def test_timeouts_are_simulated_time() -> None:
    def work(rank: int, queue: Any) -> None:
        ctx = kb.current_context()
        before = ctx.now_fs
        with pytest.raises(standard.Empty):
            queue.get(timeout=0.25)
        assert ctx.now_fs == before + 250 * MS_FS

    with machine() as ctx:
        queue = ctx.multiprocessing.Queue()
        ctx.multiprocessing.spawn(work, args=(queue,), nprocs=2)
        with pytest.raises(standard.Empty):
            queue.get_nowait()
        queue.close()
        with pytest.raises(ValueError, match="closed"):
            queue.put(1)


@pytest.mark.parametrize("timeout", [9300.0, 1e6, float("inf")])
def test_a_timeout_later_than_any_clock_never_comes(timeout: float) -> None:
    def work(rank: int, queue: Any) -> None:
        queue.get(timeout=timeout)

    with machine() as ctx, pytest.raises(kb.DeadlockError, match="an item of a Queue"):
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Queue(),), nprocs=2)


def test_a_lock_is_had_by_one_at_a_time() -> None:
    held: list[tuple[int, int, int]] = []

    def work(rank: int, lock: Any) -> None:
        ctx = kb.current_context()
        with lock:
            start = ctx.now_fs
            held.append((rank, start, spend(50 * (rank + 1))))

    for make in ("Lock", "RLock", "Semaphore"):
        held.clear()
        with machine(4) as ctx:
            lock = getattr(ctx.multiprocessing, make)()
            ctx.multiprocessing.spawn(work, args=(lock,), nprocs=4)
        assert len(held) == 4
        for (_, _, end), (_, start, _) in pairwise(held):
            assert start == end
    lock = ctx.multiprocessing.Lock()
    with pytest.raises(ValueError, match="too many times"):
        lock.release()


def _raise(lock: Any) -> None:
    with lock:
        raise KeyError("in the lock")


def _sibling_raises(lock: Any) -> None:
    with lock:
        kb.current_context().multiprocessing.Queue().get()


def _kill(lock: Any) -> None:
    with lock:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("make", ["Lock", "RLock", "Semaphore"])
@pytest.mark.parametrize(
    ("how", "keeps"), [(_raise, False), (_sibling_raises, True), (_kill, True)]
)
def test_who_ends_within_a_lock(make: str, how: Any, keeps: bool) -> None:
    """ADR-0049: what raises unwinds and releases; what is ended keeps it, as a killed process."""

    def work(rank: int, lock: Any, how: Any) -> None:
        if rank == 1:
            how(lock)
        elif how is _sibling_raises:
            spend(100)
            raise KeyError("beside the lock")

    def again(rank: int, lock: Any) -> None:
        with lock:
            pass

    with machine() as ctx:
        lock = getattr(ctx.multiprocessing, make)()
        with pytest.raises((kb.SpawnException, ProcessExitedException)):
            ctx.multiprocessing.spawn(work, args=(lock, how), nprocs=2)
        if keeps:
            with pytest.raises(kb.DeadlockError, match=r"held by rank 1, which has ended.*new one"):
                ctx.multiprocessing.spawn(again, args=(lock,), nprocs=2)
        else:
            ctx.multiprocessing.spawn(again, args=(lock,), nprocs=2)


def test_events() -> None:
    clocks = {}

    def work(rank: int, event: Any) -> None:
        ctx = kb.current_context()
        if rank == 0:
            assert event.wait(timeout=1e-9) is False
            assert event.wait() and event.is_set()
        else:
            clocks["set"] = spend(400)
            event.set()
        clocks[rank] = ctx.now_fs

    with machine() as ctx:
        event = ctx.multiprocessing.Event()
        ctx.multiprocessing.spawn(work, args=(event,), nprocs=2)
        call_fs = ctx._call_fs
        assert event.is_set()
        event.clear()
        assert not event.is_set()
    assert clocks[0] == clocks["set"] + call_fs


def test_a_barrier_lets_all_go_at_the_latest_clock() -> None:
    clocks: dict[int, tuple[int, int]] = {}
    places = []

    def work(rank: int, barrier: Any) -> None:
        spent = spend(60 * (3 - rank))
        places.append(barrier.wait())
        clocks[rank] = (spent, kb.current_context().now_fs)
        barrier.wait()

    with machine(3) as ctx:
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Barrier(3),), nprocs=3)
    latest = max(spent for spent, _ in clocks.values())
    assert {after for _, after in clocks.values()} == {latest}
    assert sorted(places) == [0, 1, 2]


def test_a_barrier_that_times_out_is_broken_for_all() -> None:
    broken = []

    def work(rank: int, barrier: Any) -> None:
        try:
            barrier.wait(timeout=1e-6 * (rank + 1))
        except threading.BrokenBarrierError:
            broken.append((rank, kb.current_context().now_fs))

    with machine(3) as ctx:
        barrier = ctx.multiprocessing.Barrier(3)
        ctx.multiprocessing.spawn(work, args=(barrier,), nprocs=2)
        assert barrier.broken and broken == [(0, 10**9), (1, 10**9)]


def test_conditions_and_joinable_queues() -> None:
    log = []

    def work(rank: int, condition: Any, jobs: Any) -> None:
        if rank == 0:
            with condition:
                assert condition.wait_for(lambda: log, timeout=1.0)
            jobs.join()
            log.append("joined")
        else:
            spend(100)
            with condition:
                log.append("set")
                condition.notify_all()
            jobs.get()
            jobs.task_done()

    with machine() as ctx:
        mp = ctx.multiprocessing
        jobs = mp.JoinableQueue()
        jobs.put(1)
        mp.spawn(work, args=(mp.Condition(), jobs), nprocs=2)
    assert log == ["set", "joined"]


def test_what_is_not_modelled_says_so() -> None:
    with machine() as ctx, pytest.raises(NotImplementedError, match=r"multiprocessing\.Pool"):
        ctx.multiprocessing.Pool(4)


def test_values_and_arrays_that_ranks_share() -> None:
    def work(rank: int, count: Any, line: Any, seen: list[Any]) -> None:
        ctx = kb.current_context()
        with count.get_lock():
            count.value += 1
        if rank == 1:
            ctx.tensor([1.0])  # its clock is later now
            line[1] = 2.5
            seen.append(ctx.now_fs)
        elif rank == 2:
            while not line[1]:
                pass
            seen.append(ctx.now_fs)

    with machine(3) as ctx:
        mp, seen = ctx.multiprocessing, list[Any]()
        count, line = mp.Value("B", 254), mp.Array("d", [1, 0, 0])
        mp.spawn(work, args=(count, line, seen), nprocs=3)
        assert (count.value, line[:], len(line), list(line)) == (1, [1, 2.5, 0], 3, [1, 2.5, 0])
        assert seen[1] >= seen[0] > 0
        assert count.get_obj().value == 1 and line.get_lock() is not None
        with pytest.raises(ValueError, match="a letter, one of cubBhHiIlLqQfd, got 'x'"):
            mp.Value("x", 1)


def test_a_manager_makes_what_ranks_share() -> None:
    def work(rank: int, found: Any, order: Any, queue: Any) -> None:
        found[rank] = 10 * rank
        order.append(rank)
        queue.put(rank)

    with machine() as ctx:
        mp = ctx.multiprocessing
        with mp.Manager() as manager:
            found, order, queue = manager.dict({5: 5}), manager.list(), manager.Queue()
            mp.spawn(work, args=(found, order, queue), nprocs=2)
            assert (found, order) == ({5: 5, 0: 0, 1: 10}, [0, 1])
            assert [queue.get() for _ in range(2)] == [0, 1]
            assert manager.Namespace(x=3).x == 3 and manager.Value("i", 4).value == 4


def test_pipes() -> None:
    def work(rank: int, ends: Any, seen: list[Any]) -> None:
        mine = ends[rank]
        if rank == 0:
            assert not mine.poll() and not mine.poll(1e-6)
            kb.current_context().tensor([1.0])
            mine.send("there")
            seen.append((kb.current_context().now_fs, mine.recv()))
        else:
            assert mine.poll(None)
            seen.append((kb.current_context().now_fs, mine.recv()))
            mine.send("back")
            mine.close()

    with machine() as ctx:
        ends, seen = ctx.multiprocessing.Pipe(), list[Any]()
        ctx.multiprocessing.spawn(work, args=(ends, seen), nprocs=2)
    assert [what for _, what in seen] == ["there", "back"] and seen[0][0] > 0
