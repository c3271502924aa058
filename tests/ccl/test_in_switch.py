"""The reduction unit of the switch, and the all-reduce that uses it (ADR-0072)."""

from __future__ import annotations

from typing import Any

import groups
import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl
from kernbench import ccl
from kernbench.ccl.choice import choose
from kernbench.ccl.launch import make_call


def reduce_all(
    size: int, algorithm: str, values: list[np.ndarray], dtype: kb.dtype, op: str = "sum"
) -> set[bytes]:
    with kb.Context(groups.machine(size, "reducing", 2)) as ctx:
        outputs, _ = groups.run(
            ctx,
            "all_reduce",
            values,
            group=ccl.Group(range(size)),
            dtype=dtype,
            op=op,
            algorithm=algorithm,
        )
        return {output.numpy().tobytes() for output in outputs if output is not None}


@pytest.mark.parametrize("dtype", [kb.float16, kb.bfloat16, kb.float32, kb.float64])
@pytest.mark.parametrize("op", ["sum", "avg", "min", "max"])
def test_the_bits_are_those_of_the_order_of_ranks(dtype: kb.dtype, op: str) -> None:
    """All ranks have them, and they are what `one_shot` gets of the same order (ADR-0072 D3)."""
    rng = np.random.default_rng(3)
    values = [rng.standard_normal(5000) * 10.0 ** rng.integers(-3, 3, 5000) for _ in range(5)]
    found = reduce_all(5, "in_switch", values, dtype, op)
    assert len(found) == 1
    assert found == reduce_all(5, "one_shot", values, dtype, op)


@pytest.mark.parametrize("op", ["sum", "avg", "min", "max", "band", "bor", "bxor"])
@pytest.mark.parametrize("dtype", [kb.int32, kb.int64])
def test_integers(dtype: kb.dtype, op: str) -> None:
    values = groups.inputs(3, 777, dtype)
    wanted = groups.reduced(values, op)
    (found,) = reduce_all(3, "in_switch", values, dtype, op)
    got = np.frombuffer(found, dtype=f"i{dtype.itemsize}")
    np.testing.assert_array_equal(got, wanted // 3 if op == "avg" else wanted)


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_few_slots_slow_it_down_and_change_no_value(slots: int) -> None:
    times = []
    for n_slots in (slots, 16):
        fabric = {"kind": "switch", "reduction": {"unit": "switch", "slots": n_slots}}
        topology = groups.machine(3, "switch", fabric=fabric)
        values = groups.inputs(3, 50_000, kb.float32)
        with kb.Context(topology) as ctx:
            outputs, handles = groups.run(
                ctx, "all_reduce", values, group=ccl.Group(range(3)), algorithm="in_switch"
            )
            for output in outputs:
                assert output is not None
                np.testing.assert_array_equal(output.numpy(), groups.reduced(values, "sum"))
            times.append(max(handle.end_fs for handle in handles))
    assert times[0] > times[1]


def test_the_model_takes_it_for_what_is_large() -> None:
    def chosen(kind: str, count: int, dtype: kb.dtype = kb.float32, op: str = "sum") -> str:
        with kb.Context(groups.machine(8, kind), data=False) as ctx:
            x = ctx.empty(count, dtype=dtype)
            return choose(make_call(ctx, "all_reduce", ccl.Group(range(8)), 0, x, x, op)).name

    assert chosen("reducing", 1 << 20) == "in_switch"
    assert chosen("reducing", 1) == "one_shot"
    assert chosen("reducing", 1 << 20, op="product") != "in_switch"
    assert chosen("reducing", 1 << 20, dtype=kb.int8) != "in_switch"
    assert chosen("switch", 1 << 20) != "in_switch"


def test_a_fabric_that_has_none() -> None:
    with pytest.raises(
        ValueError,
        match=r"'in_switch' does not serve a group of 3 \(sum of fp32\): it needs a fabric whose "
        r"switch reduces \(system\.fabric\.reduction\.unit: switch\).*; expected one of one_shot",
    ):
        groups.check("all_reduce", 3, 10, algorithm="in_switch", kind="switch")
    with pytest.raises(kb.TopologyError, match=r"reduction\.unit: expected none, as the fabric"):
        kb.Topology.from_dict(
            {
                "kernbench": 1,
                "system": {"fabric": {"kind": "ring", "reduction": {"unit": "switch"}}},
            }
        )


def test_trains_and_flits_agree() -> None:
    hashes = set()
    for mode in ("train", "flit"):
        base = groups.machine(4, "reducing", 2).to_yaml()
        topology = kb.Topology.from_yaml(base.replace("mode: train", f"mode: {mode}"))
        assert f"mode: {mode}" in topology.to_yaml()
        with kb.Context(topology, data=False, oplog="hash") as ctx:
            groups_of = ccl.Group(range(4))
            for rank in range(4):
                x = ctx.empty(30_000, sip=rank)
                ccl.launch(
                    ctx,
                    "all_reduce",
                    group=groups_of,
                    rank=rank,
                    input=x,
                    output=x,
                    algorithm="in_switch",
                )
            ctx.synchronize()
            hashes.add(ctx.oplog.hash)
    assert len(hashes) == 1


def test_a_member_that_never_enters_is_named() -> None:
    with kb.Context(groups.machine(3, "reducing")) as ctx:
        group = ccl.Group([0, 1, 2])
        for rank in (0, 2):
            x = ctx.zeros(8, sip=rank)
            ccl.launch(
                ctx,
                "all_reduce",
                group=group,
                rank=rank,
                input=x,
                output=x,
                algorithm="in_switch",
            )
        with pytest.raises(kb.DeadlockError, match=r"total lacks PE 0 of sip1"):
            ctx.synchronize()


# --- kernels of users -----------------------------------------------------------------------------


@kb.jit
def total_kernel(x_ptr, y_ptr, first, stride, size, B: tl.constexpr, OP: tl.constexpr):
    group = tl.sip_group(first, stride, size)
    offs = tl.arange(0, B)
    tl.reduce_send(group, tl.load(x_ptr + offs), OP, channel=3)
    tl.store(y_ptr + offs, tl.reduce_recv(group, (B,), x_ptr.dtype.element_ty, channel=3))


def run_kernel(
    sips: range, *, kind: str = "reducing", dtype: kb.dtype = kb.float32, op: str = "sum"
) -> list[list[Any]]:
    with kb.Context(groups.machine(4, kind)) as ctx:
        outputs = []
        for sip in sips:
            x = ctx.tensor(np.full(8, sip + 1), dtype=dtype, sip=sip)
            y = ctx.zeros(8, dtype=dtype, sip=sip)
            with ctx.device(sip):
                total_kernel[kb.each_pe](x, y, sips[0], sips.step, len(sips), B=8, OP=op)
            outputs.append(y)
        return [output.tolist() for output in outputs]


@pytest.mark.parametrize("sips", [range(4), range(3, -1, -1), range(1, 4, 2), range(2, 3)])
def test_groups_of_even_steps(sips: range) -> None:
    total = float(sum(sip + 1 for sip in sips))
    assert run_kernel(sips) == [[total] * 8] * len(sips)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "switch"}, r"reduce_send: expected a fabric whose switch reduces, got none"),
        ({"dtype": kb.int8}, r"reduce_send: expected add, min or max of .*got add of int8"),
        ({"op": "band"}, r"reduce_send: expected .*got and of float32"),
        ({"op": "mean"}, r"expected op one of sum, min, max, band, bor, bxor, got 'mean'"),
        ({"sips": range(1, 4, 3)}, None),
    ],
)
def test_what_a_kernel_may_not_send(changes: dict[str, Any], message: str | None) -> None:
    sips = changes.pop("sips", range(4))
    if message is None:
        assert run_kernel(sips) == [[2.0] * 8]
        return
    with pytest.raises((ValueError, kb.CompilationError), match=message):
        run_kernel(sips, **changes)
