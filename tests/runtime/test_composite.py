"""Composite commands: the numbers of single commands, in less time (ADR-0014 D6 to D8)."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl


@kb.jit
def bias_relu(tile, bias, scale):  # type: ignore[no-untyped-def]
    return tl.maximum(tile * scale + bias, 0.0)


@kb.jit
def single(  # type: ignore[no-untyped-def]
    a_ptr, b_ptr, bias_ptr, c_ptr, M, N, K, scale,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BUFFERS: tl.constexpr,
):  # fmt: skip
    a = tl.make_tensor_descriptor(a_ptr, [M, K], [K, 1], [BM, BK])
    b = tl.make_tensor_descriptor(b_ptr, [K, N], [N, 1], [BK, BN])
    bias = tl.make_tensor_descriptor(bias_ptr, [N], [1], [BN])
    c = tl.make_tensor_descriptor(c_ptr, [M, N], [N, 1], [BM, BN])
    for m in range(0, M, BM):
        for n in range(0, N, BN):
            total = tl.zeros((BM, BN), dtype=tl.float32)
            for k in range(0, K, BK):
                total = tl.dot(a.load([m, k]), b.load([k, n]), total)
            c.store([m, n], bias_relu(total, bias.load([n]), scale).to(c_ptr.dtype.element_ty))


@kb.jit
def composed(  # type: ignore[no-untyped-def]
    a_ptr, b_ptr, bias_ptr, c_ptr, M, N, K, scale,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BUFFERS: tl.constexpr,
):  # fmt: skip
    a = tl.make_tensor_descriptor(a_ptr, [M, K], [K, 1], [BM, BK])
    b = tl.make_tensor_descriptor(b_ptr, [K, N], [N, 1], [BK, BN])
    bias = tl.make_tensor_descriptor(bias_ptr, [N], [1], [BN])
    c = tl.make_tensor_descriptor(c_ptr, [M, N], [N, 1], [BM, BN])
    relu = tl.epilogue(bias_relu, bias, scale)
    tl.composite((a, b), out=c, epilogues=relu, buffers=BUFFERS)


def run(kernel: Any, size: tuple[int, int, int], tile: tuple[int, int, int], buffers: int = 4,
        topology: Any = "small") -> tuple[bytes, int, dict[str, int]]:  # fmt: skip
    """Return the bytes of the result, the launch's time, and how many records of each kind."""
    m, n, k = size
    rng = np.random.default_rng(m + n + k)
    with kb.Context(topology) as ctx:
        a = ctx.tensor(rng.standard_normal((m, k), dtype=np.float32).astype(np.float16))
        b = ctx.tensor(rng.standard_normal((k, n), dtype=np.float32).astype(np.float16))
        bias = ctx.tensor(rng.standard_normal(n, dtype=np.float32))
        c = ctx.empty((m, n), dtype=kb.float16)
        handle = kernel[(1,)](
            a, b, bias, c, m, n, k, 0.25, BM=tile[0], BN=tile[1], BK=tile[2], BUFFERS=buffers
        )
        values = c.numpy().tobytes()
        log = ctx.oplog
        kinds = {name: int((log.kind == i).sum()) for i, name in enumerate(log.kinds)}
        return values, handle.latency_fs, kinds


SIZES = [
    ((64, 64, 64), (64, 64, 64)),  # one tile, one step
    ((200, 136, 100), (64, 64, 32)),  # ragged along every axis
    ((1, 1, 1), (16, 16, 16)),
    ((128, 512, 16), (64, 64, 32)),  # a step wider than K
    ((33, 70, 130), (16, 32, 64)),
]


@pytest.mark.parametrize(("size", "tile"), SIZES)
@pytest.mark.parametrize("buffers", [1, 2, 8])
def test_numbers_are_those_of_single_commands(
    size: tuple[int, int, int], tile: tuple[int, int, int], buffers: int
) -> None:
    expected, _, plain = run(single, size, tile)
    values, _, kinds = run(composed, size, tile, buffers)
    assert values == expected
    assert kinds["composite"] == 1 and plain["composite"] == 0
    same = ("dma_read", "dma_write", "gemm", "math")
    assert {kind: kinds[kind] for kind in same} == {kind: plain[kind] for kind in same}


def test_faster_than_single_commands_and_the_log_says_why() -> None:
    """PE_CPU composes a load in 20 ns at least, the composer two in 2; so GEMM is busier."""
    took, apart, busy, instructions = {}, {}, {}, {}
    for kernel in (single, composed):
        with kb.Context("small", data=False) as ctx:
            half = kb.float16
            a, b = ctx.empty((128, 128), dtype=half), ctx.empty((128, 128), dtype=half)
            bias, c = ctx.empty(128), ctx.empty((128, 128), dtype=half)
            args = (a, b, bias, c, 128, 128, 128, 1.0)
            handle = kernel[(1,)](*args, BM=32, BN=32, BK=32, BUFFERS=8)
            ctx.wait(handle)
            log, name = ctx.oplog, kernel.__name__
            kind = {word: log.kind == number for number, word in enumerate(log.kinds)}
            (program,) = np.flatnonzero(kind["program"])
            took[name] = int(log.end_fs[program] - log.start_fs[program])
            instructions[name] = int(log.work[program])
            apart[name] = int(np.diff(np.sort(log.ready_fs[kind["dma_read"]])).min())
            gemm = log.end_fs[kind["gemm"]] - log.start_fs[kind["gemm"]]
            busy[name] = int(gemm.sum()) / took[name]
    assert took["composed"] < 0.75 * took["single"]
    assert instructions["composed"] < 40 < 2000 < instructions["single"]
    assert apart["composed"] == 0 and apart["single"] >= 20 * 10**6
    assert busy["composed"] > 1.15 * busy["single"]


def test_more_buffers_are_never_slower() -> None:
    times = [run(composed, (256, 128, 256), (64, 64, 32), n)[1] for n in (1, 2, 4, 8)]
    assert times == sorted(times, reverse=True) and times[0] > 1.5 * times[-1]


def test_trains_and_flits_give_the_same_log() -> None:
    logs = []
    for mode in ("train", "flit"):
        with kb.Context(kb.Topology.preset("small", {"fabric.mode": mode}), data=False) as ctx:
            a, b = ctx.empty((96, 64), dtype=kb.float16), ctx.empty((64, 80), dtype=kb.float16)
            bias, c = ctx.empty(80), ctx.empty((96, 80), dtype=kb.float16)
            composed[(1,)](a, b, bias, c, 96, 80, 64, 1.0, BM=32, BN=16, BK=32, BUFFERS=2)
            ctx.synchronize()
            logs.append(ctx.oplog.hash)
    assert logs[0] == logs[1]


# --- operations, epilogues and their scopes ------------------------------------------------------


@kb.jit
def dequantised(product, scale):  # type: ignore[no-untyped-def]
    return product * scale


@kb.jit
def scaled_single(  # type: ignore[no-untyped-def]
    a_ptr, b_ptr, s_ptr, c_ptr, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    steps = tl.cdiv(K, BK)
    a = tl.make_tensor_descriptor(a_ptr, [M, K], [K, 1], [BM, BK])
    b = tl.make_tensor_descriptor(b_ptr, [K, N], [N, 1], [BK, BN])
    s = tl.make_tensor_descriptor(s_ptr, [M, steps], [steps, 1], [BM, 1])
    c = tl.make_tensor_descriptor(c_ptr, [M, N], [N, 1], [BM, BN])
    for m in range(0, M, BM):
        for n in range(0, N, BN):
            total = tl.zeros((BM, BN), dtype=tl.float32)
            for k in range(0, steps):
                product = tl.dot(a.load([m, k * BK]), b.load([k * BK, n]))
                total = total + product * s.load([m, k])
            c.store([m, n], total)


@kb.jit
def scaled(  # type: ignore[no-untyped-def]
    a_ptr, b_ptr, s_ptr, c_ptr, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    steps = tl.cdiv(K, BK)
    a = tl.make_tensor_descriptor(a_ptr, [M, K], [K, 1], [BM, BK])
    b = tl.make_tensor_descriptor(b_ptr, [K, N], [N, 1], [BK, BN])
    s = tl.make_tensor_descriptor(s_ptr, [M, steps], [steps, 1], [BM, 1])
    c = tl.make_tensor_descriptor(c_ptr, [M, N], [N, 1], [BM, BN])
    scale = tl.epilogue(dequantised, (s, "mk"), scope="tile")
    tl.composite((a, b), out=c, epilogues=[scale])


def test_an_epilogue_of_each_step() -> None:
    """A scale for each row and each block of K, as block-scaled formats have it."""
    m, n, k, block = 70, 40, 200, 32
    rng = np.random.default_rng(5)
    a, b, s = (rng.standard_normal(shape, dtype=np.float32)
               for shape in ((m, k), (k, n), (m, -(-k // block))))  # fmt: skip
    found = []
    for kernel in (scaled_single, scaled):
        with kb.Context("small") as ctx:
            c = ctx.empty((m, n))
            tensors = (ctx.tensor(a), ctx.tensor(b), ctx.tensor(s), c)
            kernel[(1,)](*tensors, m, n, k, BM=32, BN=16, BK=block)
            found.append(c.numpy().copy())
    assert found[0].tobytes() == found[1].tobytes()
    exact = sum(
        (a[:, i : i + block] @ b[i : i + block]) * s[:, i // block, None]
        for i in range(0, k, block)
    )
    np.testing.assert_allclose(found[1], exact, rtol=1e-3, atol=1e-3)


@kb.jit
def sums(x_ptr, a_ptr, b_ptr, d_ptr, e_ptr, y_ptr, N, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Y = exp(x + a @ b + d @ e) * 2, in place of x."""
    x = tl.make_tensor_descriptor(x_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    a = tl.make_tensor_descriptor(a_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    b = tl.make_tensor_descriptor(b_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    d = tl.make_tensor_descriptor(d_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    e = tl.make_tensor_descriptor(e_ptr, [N, N], [1, N], [BLOCK, BLOCK])
    y = tl.make_tensor_descriptor(y_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    doubled = tl.epilogue(tl.mul, 2.0)
    handle = tl.composite(x, (a, b), (d, e), out=y, epilogues=[tl.epilogue(tl.exp), doubled])
    tl.wait(handle)


def test_several_operations_and_epilogues_in_one() -> None:
    n = 48
    rng = np.random.default_rng(9)
    x, a, b, d, e = (rng.standard_normal((n, n), dtype=np.float32) / 8 for _ in range(5))
    with kb.Context("small") as ctx:
        tensors = [ctx.tensor(array) for array in (x, a, b, d, e)]
        sums[(1,)](*tensors, tensors[0], n, BLOCK=16)
        found = tensors[0].numpy()
        log = ctx.oplog
    np.testing.assert_allclose(found, 2 * np.exp(x + a @ b + d @ e.T), rtol=1e-5)
    composite = np.flatnonzero(log.kind == log.kinds.index("composite"))
    assert len(composite) == 1
    assert log.work[composite[0]] == 9 * (1 + 2 * 3 + 1)  # tiles x (head, steps, tail)
    moved = np.isin(log.kind, [log.kinds.index(kind) for kind in ("dma_read", "dma_write")])
    assert log.nbytes[composite[0]] == log.nbytes[moved].sum()


@kb.jit
def elementwise(x_ptr, y_ptr, M, N, BM: tl.constexpr, BN: tl.constexpr):  # type: ignore[no-untyped-def]
    x = tl.make_tensor_descriptor(x_ptr, [M, N], [N, 1], [BM, BN])
    y = tl.make_tensor_descriptor(y_ptr, [M, N], [N, 1], [BM, BN])
    tl.composite(x, out=y, epilogues=tl.epilogue(tl.sigmoid))


@pytest.mark.parametrize("shape", [(5, 300), (64, 64), (0, 4), (4, 0)])
def test_a_pipeline_without_a_product(shape: tuple[int, int]) -> None:
    x = np.linspace(-4, 4, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    with kb.Context("small") as ctx:
        source, target = ctx.tensor(x), ctx.zeros(shape)
        if 0 in shape:  # no bytes: the pointers are of another tensor
            source = target = ctx.zeros(16)
        elementwise[(1,)](source, target, *shape, BM=16, BN=64)
        if 0 not in shape:
            np.testing.assert_allclose(target.numpy(), 1 / (1 + np.exp(-x)), rtol=1e-6)


def test_a_product_over_no_steps_is_the_epilogue_of_zeros() -> None:
    with kb.Context("small") as ctx:
        a, b = ctx.zeros(16, dtype=kb.float16), ctx.zeros(16, dtype=kb.float16)
        bias, c = (
            ctx.tensor(np.arange(8, dtype=np.float32) - 4),
            ctx.empty((4, 8), dtype=kb.float16),
        )
        composed[(1,)](a, b, bias, c, 4, 8, 0, 1.0, BM=16, BN=16, BK=16, BUFFERS=2)
        expected = np.broadcast_to(np.maximum(np.arange(8) - 4, 0), (4, 8))
        np.testing.assert_array_equal(c.numpy(), expected.astype(np.float16))


# --- order of memory -----------------------------------------------------------------------------


@kb.jit
def chained(x_ptr, y_ptr, z_ptr, out_ptr, N, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    """Z = (x @ x) @ x by two composites; loads see it without a wait; then x is written."""
    x = tl.make_tensor_descriptor(x_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    y = tl.make_tensor_descriptor(y_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    z = tl.make_tensor_descriptor(z_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    out = tl.make_tensor_descriptor(out_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    tl.composite((x, x), out=y)
    tl.composite((y, x), out=z)
    out.store([0, 0], z.load([0, 0]) + y.load([0, 0]))
    x.store([0, 0], tl.zeros((BLOCK, BLOCK), dtype=tl.float32))


@pytest.mark.parametrize("contexts", [1, 2])
def test_memory_order_of_a_program_is_kept(contexts: int) -> None:
    n = 40
    x = np.random.default_rng(2).standard_normal((n, n), dtype=np.float32)
    topology = kb.Topology.preset("small", {"system.pe.contexts": contexts})
    with kb.Context(topology) as ctx:
        tensors = [ctx.tensor(x), *(ctx.zeros((n, n)) for _ in range(3))]
        chained[(1,)](*tensors, n, BLOCK=16)
        first, y, z, out = (tensor.numpy() for tensor in tensors)
    np.testing.assert_allclose(y, x @ x, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(z, x @ x @ x, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(out[:16, :16], (z + y)[:16, :16], rtol=1e-5)
    assert (first[:16, :16] == 0).all() and (first[16:] == x[16:]).all()


@kb.jit
def in_a_loop(x_ptr, N, TIMES: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    x = tl.make_tensor_descriptor(x_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    half = tl.epilogue(tl.mul, 0.5)
    handle = tl.composite(x, out=x, epilogues=half)
    for _ in range(TIMES):
        tl.wait(handle)
        handle = tl.composite(x, out=x, epilogues=half)
    tl.wait(handle)


def test_many_composites_of_many_programs() -> None:
    """A handle is an ordinary value; the command queue and TCM are shared as usual."""
    x = np.random.default_rng(3).standard_normal((8, 64, 64), dtype=np.float32)
    topology = kb.Topology.preset("small", {"system.pe.contexts": 2, "system.pe.sched.queue": 2})
    with kb.Context(topology) as ctx:
        tensors = [ctx.tensor(part) for part in x]
        for tensor in tensors:
            in_a_loop[(1,)](tensor, 64, TIMES=9, BLOCK=32)
        for tensor, part in zip(tensors, x, strict=True):
            np.testing.assert_array_equal(tensor.numpy(), part / 2**10)


@pytest.mark.parametrize("seed", range(12))
def test_random_products(seed: int) -> None:
    """Sizes, tiles, buffers, strides of a whole matrix around it: against the single commands."""
    rng = random.Random(seed)
    size = tuple(rng.randint(1, 150) for _ in range(3))
    tile = tuple(rng.choice([16, 32, 64]) for _ in range(3))
    topology = kb.Topology.preset(
        "small",
        {
            "system.pe.contexts": rng.choice([1, 2]),
            "system.pe.sched.token_ns": rng.choice([0, 2, 50]),
            "system.pe.tcm.capacity": rng.choice([1 << 17, 1 << 18, 1 << 20]),
        },
    )
    expected, _, _ = run(single, size, tile)  # type: ignore[arg-type]
    values, _, _ = run(composed, size, tile, rng.randint(1, 8), topology)  # type: ignore[arg-type]
    assert values == expected


# --- errors --------------------------------------------------------------------------------------


def launched(kernel: Any, *args: Any, topology: Any = "small", **constants: Any) -> None:
    """Run a kernel to its end; a tuple is the shape of a tensor of zeros, its dtype last."""
    with kb.Context(topology) as ctx:
        values = [
            ctx.zeros(arg[:-1], dtype=arg[-1]) if isinstance(arg, tuple) else arg for arg in args
        ]
        kernel[(1,)](*values, **constants)
        ctx.synchronize()


def test_tiles_that_cannot_fit_tcm() -> None:
    """It says how much it wanted, how much there is, and which tiles it wanted it for."""
    message = (
        r"^composed:10: line 10: .*TCM of a program, 65536 bytes, got one that needs at least "
        r"\d+ bytes \(head 65536 bytes: full float32\[128, 128\]; step 16384 bytes: "
        r"view_load float16\[128, 32\] view_load float16\[32, 128\]; tail .*"
        r"view_load float32\[128\] .*\); use smaller tiles"
    )
    half, tcm = kb.float16, {"system.pe.tcm.capacity": 65536}
    args = (
        (256, 64, half),
        (64, 256, half),
        (256, kb.float32),
        (256, 256, half),
        256,
        256,
        64,
        1.0,
    )
    sizes = {"BM": 128, "BN": 128, "BK": 32, "BUFFERS": 2}
    with pytest.raises(kb.OutOfResources, match=message):
        launched(composed, *args, topology=kb.Topology.preset("small", tcm), **sizes)


@kb.jit
def beside_a_tile(x_ptr, N, BLOCK: tl.constexpr, HELD: tl.constexpr):  # type: ignore[no-untyped-def]
    held = tl.load(x_ptr + tl.arange(0, HELD))
    x = tl.make_tensor_descriptor(x_ptr, [N, N], [N, 1], [BLOCK, BLOCK])
    tl.composite((x, x), out=x)
    tl.store(x_ptr + tl.arange(0, HELD), held)


def test_a_program_that_holds_too_much_tcm_beside_it() -> None:
    topology = kb.Topology.preset("small", {"system.pe.tcm.capacity": 65536})
    message = r"^beside_a_tile:4: .*beside 32768 bytes that are held \(tiles by kernel line: line 2"
    with pytest.raises(kb.OutOfResources, match=message):
        launched(beside_a_tile, (128, 128, kb.float32), 128, BLOCK=64, HELD=8192, topology=topology)


def test_a_view_outside_of_its_tensor() -> None:
    message = (
        r"^composed:10: composite outside of a tensor: PE 0, program 0: expected a view within "
        r"\[0x\w+, 0x\w+\) \(tensor \d+\), got float16\[64, 64\] by \[64, 1\] from 0x\w+ on"
    )
    half = kb.float16
    args = ((64, 64, half), (63, 64, half), (64, kb.float32), (64, 64, half), 64, 64, 64, 1.0)
    with pytest.raises(kb.OutOfBoundsError, match=message):
        launched(composed, *args, BM=32, BN=32, BK=32, BUFFERS=2)


@kb.jit
def misfits(x_ptr, ROWS, COLUMNS, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    a = tl.make_tensor_descriptor(x_ptr, [ROWS, 32], [32, 1], [BLOCK, BLOCK])
    b = tl.make_tensor_descriptor(x_ptr, [32, COLUMNS], [32, 1], [BLOCK, BLOCK])
    c = tl.make_tensor_descriptor(x_ptr + 2048, [32, 32], [32, 1], [BLOCK, BLOCK])
    tl.composite((a, b), out=c)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (31, 32, r"operand float32\[31, 32\] by \[32, 1\]: expected 32 along dimension 0.*got 31"),
        (32, 33, r"operand float32\[32, 33\] by \[32, 1\]: expected 32 along dimension 1.*got 33"),
        (32, -1, r"expected extents from 0 to 2\^48, got the view float32\[32, -1\]"),
    ],
)
def test_extents_that_do_not_agree(rows: int, columns: int, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^misfits:5: composite: {message}"):
        launched(misfits, (4096, kb.float32), rows, columns, BLOCK=16)


def test_a_replicated_result() -> None:
    with kb.Context("small") as ctx:
        y = ctx.zeros((64, 64), placement=kb.Replicated())
        elementwise[(1,)](ctx.zeros((64, 64)), y, 64, 64, BM=16, BN=64)
        with pytest.raises(kb.PageFaultError, match=r"^elementwise:4: .*which is replicated"):
            ctx.synchronize()


@kb.jit
def without_memory(N, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    nothing = tl.cast(tl.cast(0, tl.int64), tl.pointer_type(tl.float32))
    x = tl.make_tensor_descriptor(nothing, [N, N], [N, 1], [BLOCK, BLOCK])
    tl.composite(x, out=x)


def test_a_null_pointer() -> None:
    with pytest.raises(kb.PageFaultError, match="null"):
        launched(without_memory, 16, BLOCK=16)
