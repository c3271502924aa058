"""all_reduce: who waits, what does not match, who is missing (ADR-0059)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from machines import machine, ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import ccl
from kernbench import distributed as dist
from kernbench.runtime import streams

OPS = [dist.ReduceOp.SUM, dist.ReduceOp.PRODUCT, dist.ReduceOp.MIN, dist.ReduceOp.MAX]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("backend", ["nccl", "gloo"])
@pytest.mark.parametrize("n", [1, 5, 1000])
def test_values(op: Any, backend: str, n: int) -> None:
    data = np.random.default_rng(n).integers(-8, 8, (3, n)).astype(np.float32)
    numpy = {"SUM": np.sum, "PRODUCT": np.prod, "MIN": np.min, "MAX": np.max}[op.name]

    def body(rank: int, ctx: kb.Context) -> Any:
        x = ctx.tensor(data[rank])
        assert dist.all_reduce(x, op=op) is None
        return x.numpy().copy()

    found = ranks(body, backend=backend)
    for rank in range(3):
        assert np.array_equal(found[rank], numpy(data, axis=0))


@pytest.mark.parametrize("algorithm", ["ring_default_ws", *ccl.algorithms("all_reduce")])
def test_every_algorithm_at_the_default_world_size(
    algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T7 of ADR-0027: all SIPs there are, by the name that the environment gives."""
    monkeypatch.setenv("KERNBENCH_CCL", algorithm)
    fabric = {"kind": "switch", "reduction": {"unit": "switch"}}
    found: dict[int, Any] = {}

    def work(rank: int) -> None:
        dist.init_process_group("nccl")
        x = torch.full((37,), float(rank + 1), device="cuda")
        dist.all_reduce(x)
        found[rank] = set(x.tolist())

    with machine(6, fabric=fabric) as ctx:
        ctx.multiprocessing.spawn(work, nprocs=torch.cuda.device_count())
    assert found == {rank: {21.0} for rank in range(6)}


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
def test_truth_values(backend: str) -> None:
    """A sum is True where any rank's is, and no count modulo 2."""

    def body(rank: int, ctx: kb.Context) -> Any:
        found = []
        for op in OPS:
            x = torch.tensor([rank < 2, rank == 2, rank < 3, False], device="cuda")
            dist.all_reduce(x, op=op)
            found.append(x.tolist())
        if backend == "nccl":
            with pytest.raises(TypeError, match=r"Cannot use ReduceOp\.AVG with boolean inputs"):
                dist.all_reduce(x, op=dist.ReduceOp.AVG)
        return found

    some, all_of = [True, True, True, False], [False, False, True, False]
    assert ranks(body, backend=backend)[0] == [some, all_of, all_of, some]


def test_means() -> None:
    """Of integers with nccl alone: gloo divides as torch does, and cannot put the quotient back."""

    def body(rank: int, ctx: kb.Context) -> Any:
        x = ctx.tensor([float(rank), 4.0])
        dist.all_reduce(x, op=dist.ReduceOp.AVG)
        return x.tolist()

    for backend in ("nccl", "gloo"):
        assert ranks(body, backend=backend) == {r: [1.0, 4.0] for r in range(3)}

    def integers(rank: int, ctx: kb.Context) -> Any:
        x = torch.tensor([rank, 4], device="cuda")
        dist.all_reduce(x, op=dist.ReduceOp.AVG)
        if ctx.distributed.get_backend() == "nccl":
            y = torch.tensor([200, 3 * rank + 1], dtype=torch.uint8, device="cuda")
            dist.all_reduce(y, op=dist.ReduceOp.AVG)
            assert y.tolist() == [600 % 256 // 3, 4]
        return x.tolist()

    assert ranks(integers) == {r: [1, 4] for r in range(3)}
    with pytest.raises(kb.SpawnException, match="result type Float can't be cast"):
        ranks(integers, backend="gloo")


def test_nccl_returns_at_once_and_gloo_at_completion() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = ctx.zeros(1 << 12)
        ctx.synchronize()
        before = ctx.now_fs
        dist.all_reduce(x)
        returned = ctx.now_fs - before
        ctx.synchronize()
        return returned, ctx.now_fs - before

    nccl, gloo = ranks(body), ranks(body, backend="gloo")
    for rank in range(3):
        assert nccl[rank][0] < nccl[rank][1] // 2
        assert gloo[rank][0] == gloo[rank][1]


def test_works_are_polled_waited_for_and_read() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = ctx.tensor([float(rank)])
        work = dist.all_reduce(x, async_op=True)
        assert work is not None
        while not work.is_completed():
            pass
        assert work.wait() is True and work.is_success() and work.exception() is None
        assert work.result() == [x]
        seen: list[Any] = []
        work.get_future().add_done_callback(lambda f: seen.append(f.value() == [x]))
        future = work.get_future().then(lambda f: f.value()[0].tolist())
        assert not seen
        found = future.wait()
        assert seen == [True]
        return found

    for backend in ("nccl", "gloo"):
        assert ranks(body, backend=backend) == {r: [3.0] for r in range(3)}


def test_a_read_of_something_else_does_not_wait() -> None:
    """ADR-0027 D0.5: a collective that a peer has not entered stops no read of other values."""

    def work(rank: int, queue: Any) -> None:
        ctx = kb.current_context()
        dist.init_process_group("nccl")
        x, y = ctx.tensor([1.0]), ctx.tensor([5.0])
        if rank == 0:
            dist.all_reduce(x)
            queue.put(y.tolist())
        else:
            assert queue.get() == [5.0]
            dist.all_reduce(x)
        assert x.tolist() == [2.0]

    with machine(2) as ctx:
        ctx.multiprocessing.spawn(work, args=(ctx.multiprocessing.Queue(),), nprocs=2)


def test_a_collective_runs_behind_the_current_stream_and_before_what_follows() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = ctx.zeros(128)
        x.add_(50.0)
        dist.all_reduce(x)
        x.add_(1.0)
        side = streams.Stream()
        work = dist.all_reduce(x, async_op=True)
        assert work is not None
        with streams.stream(side):
            work.wait()
            x.add_(1.0)
        return x.tolist()[0]

    assert ranks(body, 2) == {0: 203.0, 1: 203.0}


# --- what does not match --------------------------------------------------------------------------


def mismatch(body: Any, n: int = 3) -> kb.SpawnException:
    with pytest.raises(kb.SpawnException) as caught:
        ranks(body, n)
    return caught.value


def test_shapes_that_differ_are_told_to_every_member() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        x = ctx.zeros(4 + (rank == 2))
        dist.all_reduce(x)
        ctx.synchronize()

    error = mismatch(body)
    assert [rank for rank, _, _ in error.errors] == [0, 1, 2]
    for _, each, _ in error.errors:
        assert isinstance(each, kb.CollectiveMismatchError)
        text = str(each)
        assert re.search(r"rank 0 called all_reduce\(shape \(4,\).*test_all_reduce\.py:\d+", text)
        assert re.search(r"rank 2 called all_reduce\(shape \(5,\).*test_all_reduce\.py:\d+", text)


@pytest.mark.parametrize("what", ["dtype", "op", "call", "order"])
def test_calls_that_differ(what: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        odd = rank == 1
        x = ctx.zeros(4, dtype=kb.float16 if odd and what == "dtype" else kb.float32)
        if what == "op" and odd:
            dist.all_reduce(x, op=dist.ReduceOp.MAX)
        elif what == "call" and odd:
            dist.broadcast(x, 0)
        elif what == "order" and odd:
            dist.barrier()
            dist.all_reduce(x)
        else:
            dist.all_reduce(x)
            dist.barrier()

    error = mismatch(body)
    assert all(isinstance(each, kb.CollectiveMismatchError) for _, each, _ in error.errors)
    assert "call 2 of the default group (3 ranks) differs" in str(error)


def test_missing_ranks_are_named() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        if rank != 1:
            dist.all_reduce(ctx.zeros(4))

    with pytest.raises(kb.DeadlockError) as caught:
        ranks(body)
    text = str(caught.value)
    assert (
        "rank 0 waits for all_reduce, call 2 of the default group (of 3 ranks, rank 1 has" in text
    )
    with machine(2) as ctx:
        assert ctx.zeros(1).tolist() == [0.0]


def test_a_rank_that_waits_for_a_missing_peer_s_collective_is_named() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        x = ctx.zeros(4)
        if rank == 0:
            dist.all_reduce(x)
            x.tolist()
        else:
            ctx.multiprocessing.Queue().get()

    with pytest.raises(kb.DeadlockError, match=r"rank 0 waits for all_reduce, call 2.*rank 1 has"):
        ranks(body, 2)


def test_a_rank_that_raises_ends_those_in_a_collective() -> None:
    ended = []

    def body(rank: int, ctx: kb.Context) -> None:
        x = ctx.tensor([1.0])
        if rank == 2:
            raise ValueError("before the collective")
        try:
            dist.all_reduce(x)
            x.tolist()
        finally:
            ended.append(rank)
            dist.destroy_process_group()

    with pytest.raises(kb.SpawnException, match="before the collective") as caught:
        ranks(body)
    assert len(caught.value.errors) == 1 and sorted(ended) == [0, 1]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda ctx: 3, TypeError, "Expected parameter `tensor` of type torch.Tensor"),
        (
            lambda ctx: ctx.zeros((4, 4)).T,
            ValueError,
            r"Tensors must be contiguous: nccl got shape \(4, 4\) with strides \(1, 4\)",
        ),
        (lambda ctx: ctx.zeros(4, sip=1 - ctx._rank().sip), ValueError, "expected a tensor on"),
    ],
)
def test_tensors_that_do_not_fit(make: Any, error: Any, message: str) -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        with pytest.raises(error, match=message):
            dist.all_reduce(make(ctx))

    ranks(body, 2)


def test_nothing_at_all_is_reduced() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = ctx.zeros(0)
        dist.all_reduce(x)
        return x.tolist()

    assert ranks(body, 2) == {0: [], 1: []}


def test_host_tensors_are_staged() -> None:
    import kernbench.torch as torch

    def body(rank: int, ctx: kb.Context) -> Any:
        x = torch.tensor([1.0, float(rank)])
        before = ctx.now_fs
        dist.all_reduce(x)
        assert ctx.now_fs > before and x.device.type == "cpu"
        work = dist.all_reduce(x, async_op=True)
        work.wait()
        strided = torch.ones(2, 3).t()
        dist.all_reduce(strided)
        return x.tolist(), strided.tolist()

    assert ranks(body, 2, backend="gloo") == {
        r: ([4.0, 2.0], [[2.0, 2.0], [2.0, 2.0], [2.0, 2.0]]) for r in range(2)
    }
    with pytest.raises(
        kb.SpawnException,
        match=r"No backend type .* device type cpu: the group's backend is cuda:nccl",
    ):
        ranks(body, 2, backend="cuda:nccl")


def test_barriers_hold_the_host() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        for _ in range(5 * rank):
            ctx.tensor([1.0])
        before = ctx.now_fs
        dist.barrier()
        return before, ctx.now_fs

    for backend in ("nccl", "gloo"):
        found = ranks(body, backend=backend)
        assert min(after for _, after in found.values()) >= found[2][0]


def test_1024_ranks() -> None:
    def body(rank: int, ctx: kb.Context) -> None:
        x = ctx.zeros(1024)
        dist.all_reduce(x)

    ranks(body, 64, data=False, oplog="hash")


@pytest.mark.parametrize("backend", ["nccl", "gloo"])
def test_times_do_not_depend_on_the_order_of_resuming(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ADR-0049 D7, with collectives between the ranks."""

    def body(rank: int, ctx: kb.Context) -> Any:
        pair = dist.new_group([0, 1])
        x, clocks = ctx.zeros(600), []
        for i in range(4):
            for _ in range((rank * 5 + i * 3) % 7):
                x.add_(1.0)
            dist.all_reduce(x)
            if rank < 2:
                dist.all_reduce(x, group=pair)
            clocks.append(ctx.now_fs)
            if i % 2:
                dist.barrier()
                everyone: list[Any] = [None] * 3
                dist.all_gather_object(everyone, rank)
            clocks.append(ctx.now_fs)
        return clocks, x[0].item(), ctx.now_fs

    found = []
    for order in (lambda rank: rank.index, lambda rank: -rank.index):
        monkeypatch.setattr("kernbench.runtime.scheduler._index", order)
        found.append(ranks(body, backend=backend))
    assert found[0] == found[1]
