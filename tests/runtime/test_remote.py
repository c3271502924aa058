"""Loads and stores in another SIP's memory, and barriers among PEs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl
from kernbench.language.ops_peer import VA_OFFSET_BITS


def machine(sips: int = 2, pes: int = 2) -> kb.Topology:
    return kb.Topology.from_dict(
        {
            "kernbench": 1,
            "system": {
                "sips": sips,
                "fabric": {"kind": "ring", "GBps": 100, "latency_ns": 150},
                "sip": {"cubes": [2, 1]},
                "cube": {"pes": pes, "hbm": {"refresh": "none"}},
            },
        }
    )


def test_the_bits_of_an_address_are_the_engines() -> None:
    header = Path(__file__).parents[2] / "csrc" / "mem" / "address.h"
    found = re.search(r"KB_VA_OFFSET_BITS = (\d+)", header.read_text())
    assert found and int(found[1]) == VA_OFFSET_BITS


@kb.jit
def fetch(x_ptr, y_ptr, sip, B: tl.constexpr):
    offs = tl.pe_id("sip") * B + tl.arange(0, B)
    tl.store(y_ptr + offs, tl.load(tl.remote(x_ptr + offs, sip)) + 1)


@kb.jit
def put(x_ptr, y_ptr, sip, B: tl.constexpr):
    offs = tl.pe_id("sip") * B + tl.arange(0, B)
    tl.store(tl.remote(y_ptr, sip=sip) + offs, tl.load(x_ptr + offs) + 1)


@kb.jit
def announce(x_ptr, y_ptr):
    """Read what the other PE stored before it sent a message."""
    lanes = tl.arange(0, 16)
    if tl.pe_id() == 0:
        tl.store(x_ptr + lanes, lanes)
        tl.debug_barrier()
        tl.send(1, 0)
    if tl.pe_id() == 1:
        tl.wait(tl.recv(0, (), tl.int32))
        tl.store(y_ptr + lanes, tl.load(x_ptr + lanes))


def test_a_load_after_a_message() -> None:
    with kb.Context(machine(1)) as ctx:
        x, y = ctx.zeros(16, dtype=kb.int32), ctx.zeros(16, dtype=kb.int32)
        announce[kb.each_pe](x, y)
        assert y.tolist() == list(range(16))


@pytest.mark.parametrize("kernel", [fetch, put])
def test_remote_loads_and_stores(kernel: kb.language.JITFunction) -> None:
    n = 4 * 64
    values = [np.arange(n, dtype=np.float32) + 1000 * sip for sip in (0, 1)]
    with kb.Context(machine()) as ctx:
        xs = [ctx.tensor(values[sip], sip=sip) for sip in (0, 1)]
        ys = [ctx.zeros(n, sip=sip) for sip in (0, 1)]
        handles = [kernel[kb.each_pe](xs[sip], ys[sip], 1 - sip, B=64) for sip in (0, 1)]
        ctx.synchronize()
        for sip in (0, 1):
            np.testing.assert_array_equal(ys[sip].numpy(), values[1 - sip] + 1)
        local = kernel[kb.each_pe](xs[0], ys[0], 0, B=64)
        assert local.latency_fs + 300_000_000 < handles[0].latency_fs  # twice 150 ns, at least


def test_a_place_where_the_other_sip_has_no_tensor() -> None:
    with kb.Context(machine()) as ctx:
        x, y = ctx.zeros(4 * 64), ctx.zeros(4 * 64)
        fetch[kb.each_pe](x, y, 1, B=64)
        with pytest.raises(kb.PageFaultError, match=r"fetch:"):
            ctx.synchronize()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tl.remote(3, 0)", r"expected a pointer or a block of pointers, got a scalar int32"),
        ("tl.barrier('rack')", r"expected scope one of machine, sip, cube, got 'rack'"),
    ],
)
def test_refused(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "refused.py"
    imports = "import kernbench as kb\nimport kernbench.language as tl\n\n"
    path.write_text(f"{imports}@kb.jit\ndef k():\n    {line}\n")
    names: dict[str, kb.language.JITFunction] = {}
    exec(compile(path.read_text(), path, "exec"), names)
    with pytest.raises(kb.CompilationError, match=message):
        names["k"].compile()


@kb.jit
def rotate(x_ptr, y_ptr, SCOPE: tl.constexpr, B: tl.constexpr):
    """Read what another PE wrote before the barrier."""
    me, n = tl.pe_id(SCOPE), tl.num_pes(SCOPE)
    base = (tl.pe_id("sip") - me) * B
    lanes = tl.arange(0, B)
    tl.store(x_ptr + base + me * B + lanes, tl.full((B,), me, tl.int32))
    tl.barrier(SCOPE)
    tl.store(y_ptr + base + me * B + lanes, tl.load(x_ptr + base + (me + 1) % n * B + lanes))


@pytest.mark.parametrize("scope", ["cube", "sip"])
@pytest.mark.parametrize("pes", [1, 2, 4, 8])
def test_a_barrier_orders_memory(scope: str, pes: int) -> None:
    n = pes if scope == "cube" else 2 * pes
    with kb.Context(machine(1, pes)) as ctx:
        x, y = ctx.zeros(2 * pes * 16, dtype=kb.int32), ctx.zeros(2 * pes * 16, dtype=kb.int32)
        rotate[kb.each_pe](x, y, SCOPE=scope, B=16)
        got = y.numpy().reshape(2 * pes, 16)[:, 0]
        wanted = [(pe % n + 1) % n for pe in range(2 * pes)]
        assert got.tolist() == wanted


def test_a_barrier_without_data() -> None:
    """What its messages hold is not asked for."""
    with kb.Context(machine(1), data=False) as ctx:
        x, y = ctx.zeros(64, dtype=kb.int32), ctx.zeros(64, dtype=kb.int32)
        rotate[kb.each_pe](x, y, SCOPE="sip", B=16)
        ctx.synchronize()
