"""Algorithms of users that are wrong: what is said of them, and that a new Context works."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import groups
import pytest

import kernbench as kb
import kernbench.language as tl
from kernbench import ccl
from kernbench import distributed as dist
from kernbench.ccl.kernels.peers import length_of, on_sip

B = 64


@kb.jit
def waits_first(x_ptr, y_ptr, n, part, to_sip, from_sip, channel, B: tl.constexpr):
    """All receive before they send."""
    theirs = tl.recv(on_sip(from_sip), (B,), x_ptr.dtype.element_ty, channel)
    tl.wait(theirs)
    tl.send(on_sip(to_sip), theirs, channel)


@kb.jit
def fills_rings(x_ptr, y_ptr, n, part, to_sip, from_sip, channel, B: tl.constexpr):
    """All send the whole tensor before they receive."""
    for i in range(0, n, B):
        tl.send(on_sip(to_sip), tl.load(x_ptr + i + tl.arange(0, B)), channel)
    tl.debug_barrier()
    for i in range(0, n, B):
        theirs = tl.recv(on_sip(from_sip), (B,), x_ptr.dtype.element_ty, channel)
        tl.store(y_ptr + i + tl.arange(0, B), theirs)


@kb.jit
def forgets_a_block(x_ptr, y_ptr, n, part, to_sip, from_sip, channel, B: tl.constexpr):
    """Combine all blocks but the second."""
    for i in range(0, length_of(n, part), B):
        offs = i + tl.arange(0, B)
        mine = tl.load(x_ptr + offs, offs < n, other=0)
        tl.send(on_sip(to_sip), mine, channel)
        theirs = tl.recv(on_sip(from_sip), (B,), x_ptr.dtype.element_ty, channel)
        if i != B:
            mine += theirs
        tl.store(y_ptr + offs, mine, offs < n)


@kb.jit
def sends_too_much(x_ptr, y_ptr, n, part, to_sip, from_sip, channel, B: tl.constexpr):
    """Send more than a slot holds."""
    tl.send(on_sip(to_sip), tl.zeros((B * 128,), tl.float32), channel)


@kb.jit
def sends_twice(x_ptr, y_ptr, n, part, to_sip, from_sip, channel, B: tl.constexpr):
    """Send one message more than is received."""
    mine = tl.load(x_ptr + tl.arange(0, B), tl.arange(0, B) < n, other=0)
    tl.send(on_sip(to_sip), mine, channel)
    tl.send(on_sip(to_sip), mine, channel)
    theirs = tl.recv(on_sip(from_sip), (B,), x_ptr.dtype.element_ty, channel)
    tl.store(y_ptr + tl.arange(0, B), mine + theirs, tl.arange(0, B) < n)


@kb.jit
def leaves_the_tensor(x_ptr, y_ptr, n, part, to_sip, from_sip, channel, B: tl.constexpr):
    """Neither load nor store has a mask."""
    tl.store(y_ptr + n + tl.arange(0, B), tl.load(x_ptr + n + tl.arange(0, B)))


KERNELS = {
    kernel.__name__: kernel
    for kernel in (
        waits_first,
        fills_rings,
        forgets_a_block,
        sends_too_much,
        sends_twice,
        leaves_the_tensor,
    )
}


@pytest.fixture
def named(request: Any) -> Iterator[str]:
    name = request.param
    kernel = KERNELS[name]

    @ccl.algorithm("all_reduce", name)
    def plan(call: ccl.Call) -> ccl.Plan:
        to, source = call.neighbour(1), call.neighbour(-1)
        return ccl.Plan(
            kernel,
            (call.input, call.output, call.count, call.part, to, source, call.channel),
            {"B": B},
        )

    yield name
    ccl.remove("all_reduce", name)


def check_that_a_new_context_works() -> None:
    groups.check("all_reduce", 2, 100, algorithm="ring")


@pytest.mark.parametrize(
    ("named", "count", "error", "message"),
    [
        (
            "waits_first",
            B,
            kb.DeadlockError,
            r"sip0\.cube0\.pe0\.ipcq: waits_first:\d+: recv from PE 1 \(sip1\.cube0\.pe0\)"
            r".*nothing was sent.*sip1\.cube0\.pe0\.ipcq: waits_first:\d+: recv from PE 0",
        ),
        (
            "fills_rings",
            200 * B,
            kb.DeadlockError,
            r"fills_rings:\d+: send to PE 1 \(sip1\.cube0\.pe0\).*\(its ring is full\)",
        ),
        (
            "sends_too_much",
            B,
            ValueError,
            r"sends_too_much:\d+: send: PE 0 and PE 1, channel 0: expected a message that fits a "
            r"slot \(pe\.ipcq\.slot, 16384 bytes\), got 32768 bytes; send smaller tiles",
        ),
        (
            "leaves_the_tensor",
            B,
            kb.OutOfBoundsError,
            r"leaves_the_tensor:\d+: load of float32 outside of its tensor: PE 0, program 0",
        ),
    ],
    indirect=["named"],
)
def test_the_machine_says_what_is_wrong(
    named: str, count: int, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"(?s){message}"):
        groups.check("all_reduce", 2, count, algorithm=named)
    check_that_a_new_context_works()


@pytest.mark.parametrize("named", ["forgets_a_block"], indirect=True)
def test_the_data_check_says_rank_and_offset(named: str) -> None:
    with pytest.raises(AssertionError) as caught:
        groups.check("all_reduce", 2, 3 * B, algorithm=named)
    said = str(caught.value)
    assert "rank 0 of 2" in said
    first = min(
        int(line.split("[")[1].split("]")[0]) for line in said.splitlines() if "]: " in line
    )
    assert B <= first < 2 * B
    check_that_a_new_context_works()


@pytest.mark.parametrize("named", ["sends_twice"], indirect=True)
def test_messages_that_nobody_takes_up_are_told_at_the_end_of_the_ranks(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(rank: int) -> None:
        dist.init_process_group("nccl")
        dist.all_reduce(kb.current_context().ones(B))

    monkeypatch.setenv("KERNBENCH_CCL", named)
    left = r"(?s)nobody received.*sends_twice:\d+: 1 of PE 0 .*sends_twice:\d+: 1 of PE 1 "
    with kb.Context(groups.machine(2)) as ctx:
        with pytest.warns(UserWarning, match=left) as told:
            ctx.multiprocessing.spawn(work, nprocs=2)
        assert [warning.filename for warning in told] == [__file__]
        with pytest.warns(UserWarning, match=left.replace("1 of", "2 of")):
            ctx.multiprocessing.spawn(work, nprocs=2, join=False).join()
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # closing does not tell it once more
            ctx.close()
