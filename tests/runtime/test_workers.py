"""Workers and their waits: ADR-0024, ADR-0027 D0, ADR-0049 (T3 of the seeds)."""

from __future__ import annotations

import threading
from typing import Any

import greenlet
import pytest
from ranks import add_some, machine, times

import kernbench as kb
import kernbench.language as tl


@kb.jit
def beyond(x_ptr, n):  # type: ignore[no-untyped-def]
    tl.store(x_ptr + n, 1.0)


def heavy(rank: int, out: dict[int, Any], rounds: tuple[int, ...]) -> None:
    ctx = kb.current_context()
    x = ctx.zeros(256)
    handles = []
    for _ in range(3):
        handles.append(add_some[(2,)](x, rounds[rank], BLOCK=128))
        if rank == 0:
            ctx.wait(handles[-1])
    ctx.synchronize()
    out[rank] = [times(h) for h in handles]


def test_a_rank_has_the_times_that_it_has_alone() -> None:
    """ADR-0027 D0, ADR-0049 D7: no rank sees another's wait."""
    rounds = (40, 7, 19)
    together: dict[int, Any] = {}
    with machine(3) as ctx:
        ctx.multiprocessing.spawn(heavy, args=(together, rounds), nprocs=3)

    def only(rank: int, who: int, out: dict[int, Any]) -> None:
        if rank == who:
            heavy(rank, out, rounds)

    for who in range(3):
        alone: dict[int, Any] = {}
        with machine(3) as ctx:
            ctx.multiprocessing.spawn(only, args=(who, alone), nprocs=3)
        assert alone[who] == together[who]


def test_times_do_not_depend_on_the_order_of_resuming(monkeypatch: pytest.MonkeyPatch) -> None:
    """ADR-0049 D7."""

    def work(rank: int, queue: Any, out: dict[int, Any]) -> None:
        ctx = kb.current_context()
        x = ctx.zeros(256)
        for i in range(4):
            h = add_some[(2,)](x, (rank * 7 + i * 3) % 11, BLOCK=128)
            ctx.wait(h)
            queue.put((rank, ctx.now_fs))
            got = queue.get()
            out.setdefault(rank, []).append((times(h), got, ctx.now_fs, queue.qsize()))

    found = []
    for order in (lambda rank: rank.index, lambda rank: -rank.index):
        monkeypatch.setattr("kernbench.runtime.scheduler._index", order)
        out: dict[int, Any] = {}
        with machine(4) as ctx:
            queue = ctx.multiprocessing.Queue()
            ctx.multiprocessing.spawn(work, args=(queue, out), nprocs=4)
            found.append((out, ctx.now_fs))
    assert found[0] == found[1]


def test_waits_return_at_completion_and_at_once_when_done() -> None:
    """T3: resume and idempotency."""
    seen = []

    def work(rank: int) -> None:
        ctx = kb.current_context()
        h = add_some[(1,)](ctx.zeros(128), 5, BLOCK=128)
        ctx.wait(h)
        seen.append((rank, ctx.now_fs == h.end_fs, h.rank))
        before = ctx.now_fs
        ctx.wait(h)
        ctx.wait(h)
        assert h.done and ctx.now_fs == before

    with machine() as ctx:
        ctx.multiprocessing.spawn(work, nprocs=2)
        assert ctx.now_fs > 0
    assert sorted(seen) == [(0, True, 0), (1, True, 1)]


def test_what_nobody_waited_for_is_done_when_spawn_returns() -> None:
    """T3: drain until empty."""
    handles = []

    def work(rank: int) -> None:
        for _ in range(3):
            handles.append(add_some[(1,)](kb.current_context().zeros(128), 9, BLOCK=128))

    with machine(3) as ctx:
        ctx.multiprocessing.spawn(work, nprocs=3)
        assert len(handles) == 9
        assert all("under way" not in repr(h) for h in handles)
        assert ctx.now_fs == max(h.end_fs for h in handles)


def test_a_rank_ends_whose_work_another_one_has_seen_done() -> None:
    """Two ranks share a SIP's stream: who waits for the later work knows of the earlier one."""

    def work(rank: int, there: Any, back: Any) -> None:
        ctx = kb.current_context()
        with ctx.cuda.device(0):
            x = ctx.zeros(64)
            if rank == 0:
                add_some[(1,)](x, 3, BLOCK=64)
                there.put(None)
                back.get()
            else:
                there.get()
                ctx.wait(add_some[(1,)](x, 1, BLOCK=64))
                back.put(None)

    with machine() as ctx:
        queues = ctx.multiprocessing.Queue(), ctx.multiprocessing.Queue()
        ctx.multiprocessing.spawn(work, args=queues, nprocs=2)
        assert all(launch.done for launch in ctx.launches)


def test_the_engine_runs_on_the_main_program_s_stack_alone() -> None:
    """T3: the orphan invariant."""
    stacks = set()

    class Spy:
        def __init__(self, engine: Any) -> None:
            self._engine = engine

        def __getattr__(self, name: str) -> Any:
            if name in ("run", "run_awaited"):
                stacks.add(greenlet.getcurrent())
            return getattr(self._engine, name)

    def work(rank: int) -> None:
        ctx = kb.current_context()
        x = ctx.zeros(128)
        assert x.tolist()[0] == 0.0
        h = add_some[(1,)](x, 3, BLOCK=128)
        while not h.done:
            pass
        assert x.tolist()[0] == 3.0

    with machine() as ctx:
        ctx._engine = Spy(ctx._engine)  # type: ignore[assignment]
        ctx.multiprocessing.spawn(work, nprocs=2)
    assert stacks == {greenlet.getcurrent()}


def test_an_exception_of_a_kernel_comes_out_of_the_wait_of_its_rank() -> None:
    """T3: exceptions keep their rank."""

    def work(rank: int) -> None:
        ctx = kb.current_context()
        x = ctx.zeros(128)
        if rank == 1:
            ctx.wait(beyond[(1,)](x, 1 << 20))
        else:
            ctx.wait(add_some[(1,)](x, 4000, BLOCK=128))

    with machine() as ctx, pytest.raises(kb.SpawnException) as caught:
        ctx.multiprocessing.spawn(work, nprocs=2)
    assert caught.value.error_index == 1
    assert isinstance(caught.value.errors[0][1], kb.OutOfBoundsError)
    with machine() as ctx:
        assert ctx.zeros(2).tolist() == [0.0, 0.0]


def test_a_poll_costs_a_call_and_a_loop_of_polls_ends() -> None:
    """ADR-0049 D5."""
    with machine(1) as ctx:
        h = add_some[(1,)](ctx.zeros(128), 4000, BLOCK=128)
        before, n = ctx.now_fs, 0
        while not h.done:
            n += 1
        call_fs = ctx.topology.system["host.call_fs"]  # type: ignore[index]
        assert n > 2 and ctx.now_fs == before + (n + 1) * call_fs >= h.end_fs
        assert h.end_fs > ctx.now_fs - call_fs


def test_ranks_start_at_the_main_program_s_clock_and_join_at_the_latest() -> None:
    clocks = {}

    def work(rank: int) -> None:
        ctx = kb.current_context()
        start = ctx.now_fs
        ctx.wait(add_some[(1,)](ctx.zeros(128), 100 * (rank + 1), BLOCK=128))
        clocks[rank] = (start, ctx.now_fs)

    with machine(3) as ctx:
        ctx.tensor([1.0])
        start = ctx.now_fs
        ctx.multiprocessing.spawn(work, nprocs=3)
        assert {clock[0] for clock in clocks.values()} == {start}
        assert ctx.now_fs == max(clock[1] for clock in clocks.values())


def test_each_rank_works_on_its_own_sip() -> None:
    """ADR-0024 D1."""
    sips = {}

    def work(rank: int) -> None:
        ctx = kb.current_context()
        x = ctx.tensor([float(rank)])
        sips[rank] = (x.sip, ctx.empty(3).sip, x.tolist())

    with machine(3) as ctx:
        ctx.multiprocessing.spawn(work, nprocs=3)
        assert ctx.zeros(1).sip == 0
    assert sips == {r: (r, r, [float(r)]) for r in range(3)}


def test_a_wait_in_a_foreign_thread_is_refused() -> None:
    found: list[BaseException] = []

    def work(rank: int) -> None:
        ctx = kb.current_context()
        h = add_some[(1,)](ctx.zeros(128), 50, BLOCK=128)

        def other() -> None:
            try:
                ctx.wait(h)
            except BaseException as error:
                found.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        ctx.wait(h)

    with machine() as ctx:
        ctx.multiprocessing.spawn(work, nprocs=1)
    assert isinstance(found[0], RuntimeError) and "another thread" in str(found[0])


def test_memory_that_went_is_used_again_while_other_streams_wait() -> None:
    def work(rank: int) -> None:
        ctx = kb.current_context()
        for _ in range(64):
            x = ctx.empty(1 << 22)
            del x

    with machine(data=False) as ctx:
        ctx.multiprocessing.spawn(work, nprocs=2)


def test_a_tensor_used_after_its_context_closed_is_refused() -> None:
    with machine(1) as ctx:
        x = ctx.zeros(4)
    with pytest.raises(RuntimeError, match="closed"):
        x.tolist()


def test_torch_s_names_of_a_context_that_is_not_the_innermost_are_refused() -> None:
    """They would mean the innermost one: a tensor of another machine, without a word."""
    with machine(1) as outer:
        with machine(1):
            for name in ("randn", "multiprocessing", "distributed"):
                with pytest.raises(RuntimeError, match=f"Context.{name}: expected the innermost"):
                    getattr(outer, name)
            assert outer.zeros(2).tolist() == [0.0, 0.0]
        assert outer.randn(2).shape == (2,)
