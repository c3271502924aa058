"""Futures: of collectives, and those that are set by hand (``torch.futures``)."""

from __future__ import annotations

from typing import Any

import pytest
from machines import ranks

import kernbench as kb
import kernbench.torch as torch
from kernbench import distributed as dist

BACKENDS = ["nccl", "gloo"]


def test_a_future_that_is_set_by_hand() -> None:
    future, seen = torch.futures.Future(), list[Any]()
    future.add_done_callback(lambda done: seen.append(done.value()))
    tens = future.then(lambda done: 10 * done.value())
    assert not future.done() and not tens.done()
    for ask in (future.wait, future.value, tens.wait):
        with pytest.raises(RuntimeError, match="nothing has set: call set_result first"):
            ask()
    future.set_result(3)
    assert (seen, tens.done(), tens.value(), tens.wait(), future.wait()) == ([3], True, 30, 30, 3)
    future.add_done_callback(lambda done: seen.append("late"))
    assert seen == [3, "late"] and future.then(lambda done: 1).value() == 1
    with pytest.raises(RuntimeError, match="completed Future as complete again"):
        future.set_result(4)


def test_a_future_of_an_exception() -> None:
    future = torch.futures.Future()
    after = future.then(lambda done: done.value())
    saved = future.then(lambda done: "saved")
    with pytest.raises(AssertionError, match="not an Exception"):
        future.set_exception(3)
    future.set_exception(ValueError("no"))
    for failed in (future, after, torch.futures.collect_all([future]).wait()[0]):
        assert failed.done()
        with pytest.raises(ValueError, match="no"):
            failed.wait()
    assert saved.wait() == "saved"
    with pytest.raises(ValueError, match="no"):
        torch.futures.wait_all([saved, future])


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_done_with_a_result_is_done_once(backend: str) -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x = ctx.tensor([1.0, 2.0])
        work = dist.all_reduce(x, async_op=True)
        assert work is not None
        halves = work.get_future().then(lambda done: done.value()[0].div_(2))
        result = halves.then(lambda done: done.value() + 1)
        return [result.wait().tolist() for _ in range(2)] + [halves.wait().tolist(), x.tolist()]

    expected = [[2.5, 4.0], [2.5, 4.0], [1.5, 3.0], [1.5, 3.0]]
    assert list(ranks(body, 3, backend=backend).values()) == [expected] * 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_futures_of_several_collectives(backend: str) -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        tensors = [ctx.tensor([float(i)]) for i in range(3)]
        works = [dist.all_reduce(x, async_op=True) for x in tensors]
        futures = [work.get_future() for work in works if work is not None]
        sums = torch.futures.collect_all(futures).then(
            lambda done: sum(each.value()[0].item() for each in done.value())
        )
        assert torch.futures.collect_all([]).wait() == []
        values = torch.futures.wait_all(futures)
        return sums.value(), [value[0].item() for value in values]

    expected = (6.0, [0.0, 2.0, 4.0])
    assert ranks(body, 2, backend=backend) == {0: expected, 1: expected}


def test_a_poll_takes_the_result() -> None:
    def body(rank: int, ctx: kb.Context) -> Any:
        x, seen = ctx.tensor([1.0]), list[float]()
        work = dist.all_reduce(x, async_op=True)
        assert work is not None
        work.get_future().add_done_callback(lambda done: seen.append(done.value()[0].item()))
        late = work.get_future().then(lambda done: "after")
        while not late.done():
            pass
        return seen, late.value()

    assert list(ranks(body, 2).values()) == [([2.0], "after")] * 2


@pytest.mark.parametrize("kind", ["set by hand", "chained"])
def test_hooks_of_data_parallel(kind: str) -> None:
    def hook(state: Any, bucket: Any) -> Any:
        line = bucket.buffer()
        if kind == "set by hand":
            dist.all_reduce(line)
            future = torch.futures.Future()
            future.set_result(line / 2)
            return future
        work = dist.all_reduce(line, async_op=True)
        assert work is not None
        doubled = work.get_future().then(lambda done: done.value()[0] * 2)
        return doubled.then(lambda done: done.value() / 4)

    def body(rank: int, ctx: kb.Context) -> Any:
        plain = torch.nn.Linear(2, 1, bias=False, device="cuda")
        model = torch.nn.parallel.DistributedDataParallel(plain)
        model.register_comm_hook(None, hook)
        model(torch.full((1, 2), 1.0 + rank, device="cuda")).sum().backward()
        return plain.weight.grad.tolist()

    assert ranks(body, 2) == {0: [[1.5, 1.5]], 1: [[1.5, 1.5]]}
