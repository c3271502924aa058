"""The way in: arguments that do not fit, names, groups side by side."""

from __future__ import annotations

from typing import Any

import groups
import numpy as np
import pytest

import kernbench as kb
from kernbench import ccl


def bad(**changes: Any) -> None:
    with kb.Context(groups.machine(3)) as ctx:
        x, y = ctx.zeros(8, sip=1), ctx.zeros(8, sip=1)
        arguments: dict[str, Any] = {
            "collective": "all_reduce",
            "group": ccl.Group([0, 1, 2]),
            "rank": 1,
            "input": x,
            "output": y,
        }
        for name, change in changes.items():
            arguments[name] = change(ctx, x) if callable(change) else change
        ccl.launch(ctx, arguments.pop("collective"), **arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"collective": "all_reduec"}, r"expected a collective.*did you mean 'all_reduce'"),
        ({"algorithm": "rign"}, r"all_reduce: expected an algorithm.*did you mean 'ring'"),
        ({"rank": 3}, r"all_reduce: expected rank from 0 to 2, got 3"),
        ({"rank": -1}, r"expected rank from 0 to 2, got -1"),
        ({"root": 5}, r"expected root from 0 to 2, got 5"),
        ({"op": "mean"}, r"expected op one of sum, .*got 'mean'"),
        ({"op": "bxor"}, r"expected integers for op 'bxor', got fp32"),
        ({"input": None}, r"expected an input at rank 1, got none"),
        ({"rank": 0}, r"expected input on SIP 0, got SIP 1"),
        ({"group": ccl.Group([0, 1, 7])}, r"expected SIPs below 3, got \[7\]"),
        ({"group": ccl.Group([0, 1, 2], 256)}, r"expected a group number below 256, got 256"),
        ({"output": lambda ctx, x: ctx.zeros(9, sip=1)}, r"expected 8 elements.*got 9"),
        (
            {"output": lambda ctx, x: ctx.zeros(8, dtype=kb.int8, sip=1)},
            r"expected one dtype, got .*int8",
        ),
        ({"output": lambda ctx, x: ctx.zeros((8, 8), sip=1)[:, 0]}, r"a contiguous output"),
        ({"collective": "reduce_scatter"}, r"expected an input of 3 equal parts, got 8"),
    ],
)
def test_arguments_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bad(**changes)


@pytest.mark.parametrize(
    ("collective", "first", "last", "begin", "end"),
    [
        ("all_reduce", 0, 6, 1, 7),
        ("all_to_all", 0, 6, 2, 8),
        ("all_gather", 0, 2, 0, 6),
        ("reduce_scatter", 0, 6, 4, 6),
    ],
)
def test_tensors_that_overlap(collective: str, first: int, last: int, begin: int, end: int) -> None:
    """Rank 1's own part of the other tensor would be no fault; other parts are."""
    with kb.Context(groups.machine(3)) as ctx:
        whole = ctx.zeros(8, sip=1)
        with pytest.raises(ValueError, match=f"{collective}: expected input and output .*rank 1"):
            ccl.launch(
                ctx,
                collective,
                group=ccl.Group([0, 1, 2]),
                rank=1,
                input=whole[first:last],
                output=whole[begin:end],
            )


@pytest.mark.parametrize(
    ("sips", "number", "message"),
    [
        ([], 0, "at least one SIP"),
        ([0, 1, 0], 0, "each SIP once"),
        ([0], -1, "a number from 0 on"),
    ],
)
def test_groups_that_are_none(sips: list[int], number: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ccl.Group(sips, number)


def test_a_machine_without_sips() -> None:
    topology = kb.Topology.from_dict(
        {"kernbench": 1, "components": [{"name": "a", "impl": "endpoint"}]}
    )
    with kb.Context(topology) as ctx, pytest.raises(ValueError, match="a machine with SIPs"):
        ccl.launch(ctx, "all_reduce", group=ccl.Group([0]), rank=0)


@pytest.mark.parametrize("op", ccl.OPS)
def test_every_reduction(op: str) -> None:
    dtype = kb.int32
    values = groups.inputs(3, 50, dtype)
    wanted = groups.reduced(values, op)
    with kb.Context(groups.machine(3)) as ctx:
        outputs, _ = groups.run(
            ctx, "all_reduce", values, group=ccl.Group([0, 1, 2]), dtype=dtype, op=op
        )
        for output in outputs:
            assert output is not None
            got = output.numpy()
            np.testing.assert_array_equal(got, wanted // 3 if op == "avg" else wanted)


def test_groups_of_any_sips() -> None:
    groups.check("all_reduce", 3, 100, sips=[4, 0, 3])


def test_groups_side_by_side() -> None:
    """Two groups that share no SIP, and one over all of them, with numbers of their own."""
    with kb.Context(groups.machine(4)) as ctx:
        every = []
        for number, sips in enumerate(([0, 2], [1, 3], [3, 2, 1, 0])):
            values = groups.inputs(len(sips), 3000, kb.float32, seed=number)
            outputs, _ = groups.run(
                ctx, "all_reduce", values, group=ccl.Group(sips, number), in_place=True
            )
            every.append((outputs, groups.reduced(values, "sum")))
        for outputs, wanted in every:
            for output in outputs:
                assert output is not None
                np.testing.assert_array_equal(output.numpy(), wanted)


def test_a_member_that_never_enters() -> None:
    with kb.Context(groups.machine(3)) as ctx:
        x = ctx.zeros(8, sip=0)
        ccl.launch(ctx, "all_reduce", group=ccl.Group([0, 1, 2]), rank=0, input=x, output=x)
        with pytest.raises(kb.DeadlockError, match=r"recv from PE 2 \(sip2\.cube0\.pe0\)"):
            ctx.synchronize()


def test_equal_bits_on_all_ranks() -> None:
    """In 16-bit floats, where the order of a sum changes it."""
    rng = np.random.default_rng(7)
    values = [rng.standard_normal(777).astype(np.float16) for _ in range(5)]
    with kb.Context(groups.machine(5)) as ctx:
        outputs, _ = groups.run(
            ctx, "all_reduce", values, group=ccl.Group(range(5)), dtype=kb.float16
        )
        bits = {output.numpy().tobytes() for output in outputs if output is not None}
        assert len(bits) == 1
