"""spawn and its kin: torch's contract, and how it ends (ADR-0027 D1; T4 of the seeds)."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ranks import add_some, machine

import kernbench as kb
import kernbench.language as tl
from kernbench.errors import ProcessExitedException, ProcessRaisedException
from kernbench.runtime.rank import RankVar


def test_signature_and_return() -> None:
    with machine() as ctx:
        mp = ctx.multiprocessing
        wanted = {"fn": inspect.Parameter.empty, "args": (), "nprocs": 1, "join": True}
        wanted |= {"daemon": False, "start_method": "spawn"}
        for function in (mp.spawn, mp.start_processes):
            found = inspect.signature(function).parameters
            assert {name: p.default for name, p in found.items()} == wanted
            assert list(found) == list(wanted)
        seen: list[Any] = []
        assert mp.spawn(lambda *a: seen.append(a), args=(7,), nprocs=2) is None
        assert seen == [(0, 7), (1, 7)]
        assert mp.spawn(seen.append, nprocs=0) is None
        context = mp.spawn(lambda rank: seen.append(rank), nprocs=2, join=False)
        assert len(seen) == 2 and context.pids() == [os.getpid()] * 2
        while not context.join():
            pass
        assert context.join() is True and seen[2:] == [0, 1]
        with pytest.warns(FutureWarning, match="only supports start_method=spawn"):
            mp.spawn(lambda rank: None, start_method="fork")


def test_messages_are_torch_s() -> None:
    def work(rank: int) -> None:
        raise ValueError(f"legitimate exception from process {rank}")

    with machine() as ctx, pytest.raises(kb.SpawnException) as caught:
        ctx.multiprocessing.spawn(work, nprocs=2)
    error = caught.value
    assert isinstance(error, (ProcessRaisedException, kb.KernbenchError))
    assert error.msg.startswith("\n\n-- Process 0 terminated with the following error:\nTraceback")
    assert error.msg.endswith("ValueError: legitimate exception from process 0\n")
    assert (error.error_index, error.pid) == (0, os.getpid())
    assert [(rank, str(e)) for rank, e, _ in error.errors] == [
        (r, f"legitimate exception from process {r}") for r in range(2)
    ]
    again = pickle.loads(pickle.dumps(error))
    assert (again.msg, again.error_index) == (error.msg, 0) and again.errors[1][0] == 1


def test_one_that_cannot_be_pickled_is_replaced() -> None:
    def work(rank: int) -> None:
        class Local(Exception):
            pass

        raise Local("x")

    with machine() as ctx, pytest.raises(kb.SpawnException) as caught:
        ctx.multiprocessing.spawn(work)
    assert str(pickle.loads(pickle.dumps(caught.value)).errors[0][1]) == "Local: x"


def test_siblings_are_ended_by_system_exit() -> None:
    """ADR-0027 D1: at the next yield, and again at each while they unwind; root causes alone."""
    ended: list[Any] = []

    def work(rank: int, queue: Any) -> None:
        if rank == 2:
            raise KeyError("root")
        try:
            queue.get()
        except BaseException as error:
            ended.append((rank, type(error)))
            raise
        finally:
            try:
                queue.get()
            except SystemExit:
                ended.append((rank, "again"))
            if rank == 1:
                raise ValueError("secondary")

    with machine(3) as ctx, pytest.raises(kb.SpawnException) as caught:
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Queue(),), nprocs=3)
    assert ended == [(r, x) for r in range(2) for x in (SystemExit, "again")]
    assert caught.value.error_index == 2 and len(caught.value.errors) == 1


def test_a_rank_that_never_started_is_ended_without_running() -> None:
    ran = []
    with machine(2) as ctx:
        process = ctx.multiprocessing.Process(target=ran.append, args=(1,))
        process.start()
        process.terminate()
        process.join()
    assert ran == [] and process.exitcode == -15


def test_a_rank_that_swallows_system_exit_is_left_behind() -> None:
    def work(rank: int, queue: Any) -> None:
        if rank == 1:
            raise ValueError("root")
        while True:
            with contextlib.suppress(BaseException):
                queue.get()

    with machine() as ctx:
        queue = ctx.multiprocessing.Queue()
        with pytest.raises(kb.SpawnException):
            ctx.multiprocessing.spawn(work, args=(queue,), nprocs=2)
        assert ctx.zeros(1).tolist() == [0.0]


@pytest.mark.parametrize(("code", "exit_code"), [(None, 0), (0, 0), (3, 3), ("bye", 1), (True, 1)])
def test_sys_exit(code: Any, exit_code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def work(rank: int) -> None:
        if rank == 1:
            sys.exit(code)

    with machine() as ctx:
        if exit_code == 0:
            assert ctx.multiprocessing.spawn(work, nprocs=2) is None
            return
        with pytest.raises(ProcessExitedException) as caught:
            ctx.multiprocessing.spawn(work, nprocs=2)
    assert str(caught.value) == f"process 1 terminated with exit code {exit_code}"
    assert (caught.value.exit_code, caught.value.error_index) == (exit_code, 1)
    assert caught.value.signal_name is None
    assert capsys.readouterr().err == ("bye\n" if code == "bye" else "")
    assert pickle.loads(pickle.dumps(caught.value)).exit_code == exit_code


def test_all_of_1024_ranks_raise() -> None:
    def work(rank: int) -> None:
        raise ValueError(rank)

    with machine(1024, data=False) as ctx:
        with pytest.raises(kb.SpawnException) as caught:
            ctx.multiprocessing.spawn(work, nprocs=1024)
        assert [rank for rank, _, _ in caught.value.errors] == list(range(1024))
        ctx.multiprocessing.spawn(lambda rank: None, nprocs=1024)


def test_1024_ranks_start_and_join_in_half_a_second() -> None:
    with machine(1024, data=False) as ctx:
        begin = time.process_time()
        ctx.multiprocessing.spawn(lambda rank: None, nprocs=1024)
        assert time.process_time() - begin < 0.5


def test_more_ranks_than_sips() -> None:
    with machine(2) as ctx, pytest.raises(ValueError, match=r"--set system\.sips=3"):
        ctx.multiprocessing.spawn(print, nprocs=3)


def test_spawn_in_a_worker_is_refused_and_two_in_sequence_are_not() -> None:
    def outer(rank: int) -> None:
        kb.current_context().multiprocessing.spawn(print)

    with machine(2) as ctx:
        with pytest.raises(kb.SpawnException, match="expected to be called by the main program"):
            ctx.multiprocessing.spawn(outer)
        ctx.multiprocessing.spawn(lambda rank: None, nprocs=2)
        ctx.multiprocessing.spawn(lambda rank: None, nprocs=2)
        pending = ctx.multiprocessing.spawn(lambda rank: None, nprocs=2, join=False)
        with pytest.raises(RuntimeError, match="join them first"):
            ctx.multiprocessing.spawn(print)
        pending.join()


def test_ranks_have_an_environment_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("KEPT", "yes")
    seen = {}

    def work(rank: int, queue: Any) -> None:
        os.environ["MINE"] = str(rank)
        del os.environ["KEPT"]
        queue.put(rank)  # the other rank runs now
        queue.get()
        seen[rank] = (
            os.environ["RANK"],
            os.getenv("LOCAL_RANK"),
            os.environ["WORLD_SIZE"],
            os.environ["ROLE_RANK"],
            os.environ["MINE"],
            "KEPT" in os.environ,
            "MASTER_ADDR" in dict(os.environ),
        )
        with pytest.raises(TypeError):
            os.environ["X"] = 1  # type: ignore[assignment]

    before = os.environ
    with machine() as ctx:
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Queue(),), nprocs=2)
    assert seen == {r: (str(r), str(r), "2", str(r), str(r), False, True) for r in range(2)}
    assert os.environ is before and os.environ["KEPT"] == "yes" and "MINE" not in os.environ


def test_state_of_a_rank_is_its_own() -> None:
    """ADR-0024 D3."""
    variable = RankVar("test", lambda rank: rank.index)
    seen = {}

    def work(rank: int, queue: Any) -> None:
        first = variable.get()
        variable.set(rank + 10)
        queue.put(None)
        queue.get()
        seen[rank] = (first, variable.get())

    with machine() as ctx:
        variable.set(99)
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Queue(),), nprocs=2)
        assert variable.get() == 99
        with machine(1):
            assert variable.get() == -1
        variable.clear()
        assert variable.get() == -1
    assert seen == {0: (0, 10), 1: (1, 11)}


def test_deadlocks_say_who_waits_for_what_where_and_since_when() -> None:
    def work(rank: int, queue: Any, lock: Any) -> None:
        ctx = kb.current_context()
        ctx.wait(add_some[(1,)](ctx.zeros(128), 3, BLOCK=128))
        if rank == 0:
            queue.get()
        else:
            lock.acquire()
            lock.acquire()

    with machine() as ctx:
        mp = ctx.multiprocessing
        with pytest.raises(kb.DeadlockError) as caught:
            mp.spawn(work, args=(mp.Queue(), mp.Lock()), nprocs=2)
        text = str(caught.value)
        for who, what in ((0, "an item of a Queue"), (1, r"a Lock \(held by rank 1\)")):
            assert re.search(
                rf"rank {who} waits for {what}, at test_spawn\.py:\d+, since [\d,.]+ ns", text
            )
        assert ctx.zeros(1).tolist() == [0.0]


def test_the_main_program_alone_can_deadlock_too() -> None:
    with machine() as ctx, pytest.raises(kb.DeadlockError, match="no other rank"):
        ctx.multiprocessing.Queue().get()


def test_ranks_that_only_poll_are_a_livelock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernbench.runtime.scheduler._MOST_IDLE", 100)

    def work(rank: int, event: Any) -> None:
        while not event.is_set():
            pass

    with machine() as ctx, pytest.raises(kb.DeadlockError, match="livelock"):
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Event(),), nprocs=2)


def test_the_main_program_that_only_polls_is_a_livelock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernbench.runtime.scheduler._MOST_IDLE", 100)
    with machine() as ctx:
        queue = ctx.multiprocessing.Queue(maxsize=400)
        for i in range(300):
            queue.put(i)

        def wait_until_full() -> None:
            while not queue.full():
                pass

        with pytest.raises(kb.DeadlockError, match="livelock: the main program asks"):
            wait_until_full()


def test_ctrl_c_ends_all_ranks() -> None:
    ended = []

    def work(rank: int, queue: Any) -> None:
        ctx = kb.current_context()
        try:
            if rank == 0:
                while True:
                    queue.qsize()
            queue.get()
            ctx.synchronize()
        finally:
            ended.append(rank)

    with machine(3) as ctx:
        timer = threading.Timer(0.2, signal.raise_signal, (signal.SIGINT,))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Queue(),), nprocs=3)
        assert sorted(ended) == [0, 1, 2]
        ctx.multiprocessing.spawn(lambda rank: None, nprocs=3)


def test_processes_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    def work(rank: int, queue: Any, fail: bool = False) -> None:
        if fail:
            raise ValueError("by hand")
        queue.put((rank, kb.current_context()._rank().index))

    with machine(3) as ctx:
        mp = ctx.multiprocessing.get_context("spawn")
        queue = mp.Queue()
        processes = [
            mp.Process(target=work, args=(r, queue), kwargs={"fail": r == 1}) for r in range(3)
        ]
        for process in processes:
            process.start()
        assert processes[0].is_alive() in (True, False)
        for process in processes:
            process.join()
        assert [p.exitcode for p in processes] == [0, 1, 0]
        assert sorted(queue.get() for _ in range(2)) == [(0, 0), (2, 2)]
        with pytest.raises(AssertionError, match="twice"):
            processes[0].start()
    assert "Process Process-2:" in capsys.readouterr().err


def test_os_exit_ends_the_rank_that_calls_it_alone() -> None:
    real, seen = os._exit, list[Any]()

    def work(rank: int, queue: Any, status: int) -> None:
        try:
            if rank == 1:
                os._exit(status)
            queue.get()
        except BaseException:
            os._exit(9)  # of a rank that is being ended
        finally:
            seen.append(rank)

    with machine(3) as ctx:
        spawn, queue = ctx.multiprocessing.spawn, ctx.multiprocessing.Queue()
        for status in (7, 256 + 7, -1):
            with pytest.raises(ProcessExitedException) as caught:
                spawn(work, args=(queue, status), nprocs=3)
            error = caught.value
            assert (error.error_index, error.exit_code) == (1, status & 0xFF)
            assert str(error) == f"process 1 terminated with exit code {status & 0xFF}"
        assert seen == [] and os._exit is real
        for _ in range(2):
            queue.put(0)
        spawn(work, args=(queue, 0), nprocs=3)  # one that ends well does not end the others
        assert seen == [0, 2]
        process = ctx.multiprocessing.Process(target=lambda: os._exit(4))
        process.start()
        process.join()
        assert process.exitcode == 4


def test_children_of_a_rank_have_its_environment() -> None:
    show = [sys.executable, "-c", "import os; print(os.environ.get('RANK'), os.environ.get('X'))"]
    real = subprocess.Popen.__init__

    def work(rank: int) -> None:
        os.environ["X"] = f"own {rank}"
        assert subprocess.check_output(show, text=True) == f"{rank} own {rank}\n"
        assert subprocess.check_output(show, text=True, env={"X": "told"}) == "None told\n"
        with subprocess.Popen(show, -1, None, None, subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.read() == f"{rank} own {rank}\n".encode()

    with machine() as ctx:
        ctx.multiprocessing.spawn(work, nprocs=2)
    assert subprocess.Popen.__init__ is real


def test_children_and_threads_of_a_rank_have_the_real_exit() -> None:
    def work(rank: int) -> None:
        if (pid := os.fork()) == 0:
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5

    with machine() as ctx:
        ctx.multiprocessing.spawn(work, nprocs=2)


SCRIPT = """
import kernbench as kb
from ranks import machine
def work(rank, queue):
    queue.get()
with machine(2) as ctx:
    queue = ctx.multiprocessing.Queue()
    ctx.multiprocessing.spawn(work, args=(queue,), nprocs=2, join=False)
print("left with ranks running")
"""


def test_leaving_with_ranks_that_wait(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "left with ranks running\n", "")


def test_host_tensors_among_the_arguments_are_a_rank_s_own() -> None:
    import kernbench.torch as torch

    seen = {}

    def work(rank: int, x: Any, nested: Any, shared: list[int]) -> None:
        x += rank + 1
        nested["w"][0].mul_(2)
        shared.append(rank)
        seen[rank] = (x.tolist(), nested["w"][0].tolist())

    x, w, shared = torch.zeros(2), torch.ones(1), [0]
    with machine() as ctx:
        args = (x, {"w": [w]}, shared)
        ctx.multiprocessing.spawn(work, args=args, nprocs=2)
    assert seen == {0: ([1.0, 1.0], [2.0]), 1: ([2.0, 2.0], [2.0])}
    assert x.tolist() == [0.0, 0.0] and w.tolist() == [1.0]


def test_host_tensors_that_are_shared_are_seen_by_all() -> None:
    import kernbench.torch as torch

    def work(rank: int, x: Any, part: Any, net: Any, nested: Any) -> None:
        x[rank] += rank + 1
        part.add_(10)
        nested["w"][0].add_(1)
        with torch.no_grad():
            net.weight[0, rank] = 7.0

    x, y, w = (torch.zeros(2).share_memory_() for _ in range(3))
    net = torch.nn.Linear(2, 1).share_memory()
    assert x.is_shared() and y[:1].is_shared() and net.weight.is_shared()
    assert not torch.zeros(2).is_shared()
    with machine() as ctx:
        ctx.multiprocessing.spawn(work, args=(x, y[1:], net, {"w": [w]}), nprocs=2)
    assert x.tolist() == [1.0, 2.0] and y.tolist() == [0.0, 20.0] and w.tolist() == [2.0, 2.0]
    assert net.weight.tolist() == [[7.0, 7.0]]


def test_a_signal_that_a_rank_sends_itself_ends_that_rank() -> None:
    real, seen = os.kill, list[Any]()

    def work(rank: int, queue: Any, number: int) -> None:
        if rank == 1:
            os.kill(os.getpid(), 0)
            os.kill(os.getpid(), signal.SIGWINCH)
            with pytest.raises(OSError, match="Invalid argument"):
                os.kill(os.getpid(), 12345)
            os.kill(os.getpid(), number)
            seen.append("handled")
        queue.get()

    with machine(3) as ctx:
        spawn, queue = ctx.multiprocessing.spawn, ctx.multiprocessing.Queue()
        for number, name in ((9, "SIGKILL"), (15, "SIGTERM"), (40, "<Unknown signal 40>")):
            with pytest.raises(ProcessExitedException) as caught:
                spawn(work, args=(queue, number), nprocs=3)
            error = caught.value
            assert str(error) == f"process 1 terminated with signal {name}"
            assert (error.error_index, error.exit_code, error.signal_name) == (1, -number, name)
            assert pickle.loads(pickle.dumps(error)).signal_name == name
        assert seen == [] and os.kill is real
        before = signal.signal(signal.SIGUSR1, lambda *_: seen.append("mine"))
        try:
            for _ in range(3):
                queue.put(0)
            spawn(work, args=(queue, signal.SIGUSR1), nprocs=3)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert seen == ["mine", "handled"]
        process = ctx.multiprocessing.Process(target=lambda: os.kill(os.getpid(), 9))
        process.start()
        process.join()
        assert process.exitcode == -9


def test_loops_of_asyncio_in_ranks_and_around_them() -> None:
    async def of_rank(rank: int, barrier: Any) -> int:
        for _ in range(3):
            barrier.wait()
            await asyncio.sleep(0)
        return 10 * rank

    def work(rank: int, barrier: Any, seen: list[int]) -> None:
        seen.append(asyncio.run(of_rank(rank, barrier)))

    async def of_notebook(ctx: Any) -> list[int]:
        seen = list[int]()
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Barrier(3), seen), nprocs=3)
        await asyncio.sleep(0)
        return seen

    with machine(3) as ctx:
        assert sorted(asyncio.run(of_notebook(ctx))) == [0, 10, 20]


def test_what_ended_a_process_by_torch_s_names() -> None:
    raised = ProcessRaisedException("why", error_index=1, error_pid=5)
    exited = ProcessExitedException("why", error_index=1, error_pid=5, exit_code=3)
    assert (raised.pid, exited.pid, exited.exit_code, exited.signal_name) == (5, 5, 3, None)


@kb.jit
def sends_to_nobody(x_ptr, B: tl.constexpr):  # type: ignore[no-untyped-def]
    tl.send(99, tl.load(x_ptr + tl.arange(0, B)), 0)


def test_a_kernel_that_misuses_an_operation_is_its_rank_s_failure() -> None:
    """A ValueError of the engine came out of spawn, and left the ranks running for ever."""
    ended = []

    def work(rank: int, misuse: bool) -> None:
        try:
            x = kb.current_context().ones(64)
            if misuse and rank == 1:
                sends_to_nobody[(1,)](x, B=64)
            else:
                add_some[(1,)](x, 1000, BLOCK=64)
            x.tolist()
        except BaseException as error:
            ended.append((rank, type(error)))
            raise

    with machine() as ctx:
        with pytest.raises(kb.SpawnException, match=r"send: PE .*: expected .* got 99") as caught:
            ctx.multiprocessing.spawn(work, args=(True,), nprocs=2)
        assert caught.value.error_index == 1
        assert ended == [(1, ValueError), (0, SystemExit)]
        ctx.reset()
        ctx.multiprocessing.spawn(work, args=(False,), nprocs=2)
