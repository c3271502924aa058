"""Direct: every rank speaks to every other one, in one step or two."""

from __future__ import annotations

from typing import Any

from kernbench.ccl.call import Call, Plan
from kernbench.ccl.kernels import direct
from kernbench.ccl.phases import Phase, all_pairs
from kernbench.ccl.registry import algorithm
from kernbench.language.jit import JITFunction


def _plan(call: Call, kernel: JITFunction, n: int = 1, **constants: Any) -> Plan:
    chunks = call.chunks(n)
    return Plan(
        kernel,
        (call.input, call.output, call.count, call.part, *_peers(call)),
        {**constants, "B": chunks.block, "EVEN": chunks.even},
    )


def _peers(call: Call) -> tuple[Any, ...]:
    return call.rank, call.size, *call.peers(), call.channel


def _once(call: Call) -> list[Phase] | None:
    return all_pairs(call.size, call.nbytes)


def _twice(call: Call) -> list[Phase] | None:
    return all_pairs(call.size, -(-call.nbytes // call.size), 2)


@algorithm("all_reduce", "one_shot", phases=_once)
def one_shot(call: Call) -> Plan:
    """Send all to all: one step, ``p - 1`` times the tensor."""
    return _plan(call, direct.one_shot, OP=call.op)


@algorithm("all_reduce", "two_shot", phases=_twice)
def two_shot(call: Call) -> Plan:
    """Send each rank its chunk, then the totals to all: two steps."""
    return _plan(call, direct.two_shot, call.size, OP=call.op)


@algorithm("reduce_scatter", "direct", phases=_once)
def reduce_scatter(call: Call) -> Plan:
    """Send each rank its part: one step."""
    return _plan(call, direct.reduce_scatter, OP=call.op)


@algorithm("all_gather", "direct", phases=_once)
def all_gather(call: Call) -> Plan:
    """Send this rank's part to all: one step."""
    return _plan(call, direct.all_gather)


@algorithm("all_to_all", "direct")
def all_to_all(call: Call) -> Plan:
    """Send each rank its part: one step."""
    return _plan(call, direct.all_to_all)


def _rooted(call: Call, kernel: JITFunction) -> Plan:
    chunks = call.chunks(1)
    return Plan(
        kernel,
        (
            *(call.given, call.taken, call.count, call.part),
            *(call.rank, call.root, call.size, *call.peers(), call.channel),
        ),
        {"B": chunks.block, "EVEN": chunks.even},
    )


@algorithm("gather", "direct")
def gather(call: Call) -> Plan:
    """Send this rank's part to the root."""
    return _rooted(call, direct.gather)


@algorithm("scatter", "direct")
def scatter(call: Call) -> Plan:
    """Send each rank its part from the root."""
    return _rooted(call, direct.scatter)


def _message(call: Call, kernel: JITFunction) -> Plan:
    chunks = call.chunks(1)
    other = call.group.sips[call.root]
    return Plan(
        kernel,
        (call.given, call.count, call.part, other, call.message_channel),
        {"B": chunks.block, "EVEN": chunks.even},
    )


@algorithm("send", "direct")
def send(call: Call) -> Plan:
    """Send a tensor to one rank."""
    return _message(call, direct.send)


@algorithm("recv", "direct")
def recv(call: Call) -> Plan:
    """Receive a tensor from one rank."""
    return _message(call, direct.recv)
