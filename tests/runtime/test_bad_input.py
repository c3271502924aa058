"""Bad input: one error of the documented class; the context works on, or says that it does not.

A message says where, what was expected, what was got, and where it helps, what to do.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl


@kb.jit
def shift(x_ptr, out_ptr, SHIFT: tl.constexpr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offs + SHIFT)
    tl.store(out_ptr + offs, x)


@kb.jit
def gather(x_ptr, index_ptr, out_ptr, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]
    offs = tl.arange(0, BLOCK)
    index = tl.load(index_ptr + offs)
    tl.store(out_ptr + offs, tl.load(x_ptr + index, offs >= 0, other=7.0))


@kb.jit
def spin(n):  # type: ignore[no-untyped-def]
    while n > 0:
        n = n % 1000 + 1


@kb.jit
def broken(x_ptr):  # type: ignore[no-untyped-def]
    with x_ptr:
        pass


@pytest.fixture
def ctx() -> Iterator[kb.Context]:
    with kb.Context("small") as context:
        yield context


def works(ctx: kb.Context) -> bool:
    x, out = ctx.tensor(np.arange(16, dtype=np.float32)), ctx.empty(16)
    shift[(1,)](x, out, SHIFT=0, BLOCK=16)
    return bool(np.array_equal(out.numpy(), np.arange(16)))


def says_that_it_failed(ctx: kb.Context, why: str) -> bool:
    """After a failure in the machine: it says so, its log can be read, and reset revives it."""
    records = len(ctx.oplog)
    with pytest.raises(kb.KernbenchError, match=rf"Context has failed.*reset.*{why}"):
        works(ctx)
    assert len(ctx.oplog.end_fs) == records
    ctx.reset()
    return works(ctx)


# --- machines ------------------------------------------------------------------------------------

GRAPH = """kernbench: 1
components:
  - {name: a, impl: endpoint}
  - {name: b, impl: endpoint}
  - {name: c, impl: endpoint}
links:
  - {from: a, to: b, GBps: 64, latency_ns: 1}
"""

BAD_MACHINES = {
    "unknown key": (
        "kernbench: 1\nsystem: {sips: 1, cube: {pess: 4}}\n",
        r"<text>:2:26: .*pess.*pes\b",
    ),
    "wrong unit": (
        GRAPH.replace("latency_ns: 1", "latency_us: 1"),
        r"<text>:7:32: .*latency_us.*latency_ns",
    ),
    "a unit in the value": (GRAPH.replace("GBps: 64", "GBps: 64GB"), r"<text>:7:28: .*GBps.*64GB"),
    "negative bandwidth": (GRAPH.replace("GBps: 64", "GBps: -64"), r"<text>:7:28: .*GBps.*-64"),
    "cyclic alias": ("kernbench: 1\nsystem: &a {sips: 1, cube: *a}\n", r"<text>:2:\d+: .*alias"),
    "10^9 cubes": (
        "kernbench: 1\nsystem: {sip: {cubes: [100000, 10000]}}\n",
        r"<text>:2:\d+: system\.sip\.cubes.*100000",
    ),
    "truncated": ("kernbench: 1\nsystem: {sips: [1, 2", r"<text>:\d+:\d+: "),
    "not a mapping": ("- 1\n- 2\n", r"<text>:1:1: .*mapping"),
    "nothing": ("\n", r"<text>.*kernbench"),
}


@pytest.mark.parametrize("what", BAD_MACHINES)
def test_bad_machines(what: str) -> None:
    text, message = BAD_MACHINES[what]
    begin = time.perf_counter()
    with pytest.raises(kb.TopologyError, match=message) as caught:
        kb.Topology.from_yaml(text)
    assert isinstance(caught.value, ValueError)
    assert time.perf_counter() - begin < 1


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(kb.TopologyError, match=r"none\.yaml: cannot be read"):
        kb.Topology.from_yaml(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"kernbench: \xff\xfe")
    with pytest.raises(kb.TopologyError, match=r"binary\.yaml: cannot be read"):
        kb.Topology.from_yaml(tmp_path / "binary.yaml")
    with pytest.raises(kb.TopologyError, match=r"'nope': expected a preset \(.*small"):
        kb.Context("nope")
    with pytest.raises(TypeError, match="expected a Topology or a preset's name, got 3"):
        kb.Context(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), r'system\.sips: expected an integer from 1 to 4096, got "NaN"'),
        (float("-inf"), r'system\.sips: expected an integer from 1 to 4096, got "-Infinity"'),
        (2**70, r'system\.sips: expected an integer from 1 to 4096, got "1180591620717411303424"'),
        (b"2", "expected plain dicts, lists, texts and numbers: .*bytes"),
        (np.int64(2), "expected plain dicts, lists, texts and numbers: .*int64"),
        (-0.0, r'system\.sips: expected an integer from 1 to 4096, got "-0\.0"'),
    ],
)
def test_values_that_are_none_of_yaml(value: Any, message: str) -> None:
    with pytest.raises(kb.TopologyError, match=message):
        kb.Topology.preset("small", {"system.sips": value})
    with pytest.raises(kb.TopologyError, match=message):
        kb.Topology.from_dict({"kernbench": 1, "system": {"sips": value}})


def test_the_empty_name_is_no_preset() -> None:
    with pytest.raises(kb.TopologyError, match="'': expected a preset"):
        kb.Context("")


def test_transfers_of_odd_arguments(ctx: kb.Context) -> None:
    with pytest.raises(TypeError, match=r"node: expected a name or an id, got 1\.5"):
        ctx.transfer(1.5, "host", nbytes=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"node: expected a name or an id, got \['host'\]"):
        ctx.topology.find(["host"])  # type: ignore[arg-type]
    for op in (-1, None, 1.5):
        with pytest.raises(ValueError, match=f"op: expected one of message, read, write, got {op}"):
            ctx.transfer("host", "sip0.io.cpu", nbytes=1, op=op)  # type: ignore[arg-type]
    assert ctx.transfer("host", "sip0.io.cpu", nbytes=64).latency_fs > 0


def test_unreachable_nodes() -> None:
    topology = kb.Topology.from_yaml(GRAPH)
    with pytest.raises(kb.TopologyError, match="expected a path from a to c"):
        topology.path("a", "c")
    with kb.Context(topology) as ctx:
        with pytest.raises(kb.TopologyError, match="expected a path from c to b"):
            ctx.transfer("c", "b", nbytes=1)
        with pytest.raises(kb.TopologyError, match="expected a path from b to a"):
            ctx.transfers(["a", "b"], ["b", "a"], [1, 1], [0, 0])
        assert ctx.transfer("a", "b", nbytes=64).latency_fs == 2_000_000


# --- launches ------------------------------------------------------------------------------------


def test_a_construct_that_is_not_supported(ctx: kb.Context) -> None:
    with pytest.raises(kb.CompilationError) as caught:
        broken[(1,)](ctx.zeros(4))
    error = caught.value
    assert error.filename == __file__
    assert error.source_line.strip() == "with x_ptr:"
    head, line, caret = str(error).splitlines()
    assert head.startswith(f"{__file__}:{error.lineno}:{error.column}: ")
    assert line[caret.index("^") :].startswith("with x_ptr:")
    assert works(ctx)


BAD_GRIDS = [
    ((1, 2, 3, 4), ValueError, "1 to 3 sizes"),
    ((), ValueError, "1 to 3 sizes"),
    ((-1,), ValueError, "not negative"),
    (("a",), ValueError, "integers"),
    (None, TypeError, "kb.each_pe"),
    ((1 << 31,), ValueError, r"2\*\*31"),
    (((1 << 32) + 1,), ValueError, r"2\*\*31"),
    ((70_000, 70_000), ValueError, r"2\*\*31"),
]


@pytest.mark.parametrize(("grid", "kind", "message"), BAD_GRIDS)
def test_bad_grids(ctx: kb.Context, grid: Any, kind: type[Exception], message: str) -> None:
    x = ctx.zeros(16)
    with pytest.raises(kind, match=message):
        shift[grid](x, x, SHIFT=0, BLOCK=16)
    assert works(ctx)


def test_a_grid_without_programs_is_no_launch(ctx: kb.Context) -> None:
    x, now_fs = ctx.zeros(16), ctx.now_fs
    assert shift[(0,)](x, x, SHIFT=0, BLOCK=16) is None
    assert shift[(3, 0, 2)](x, x, SHIFT=0, BLOCK=16) is None
    assert ctx.now_fs == now_fs and len(ctx.oplog) == 0


def test_a_grid_larger_than_the_machine(ctx: kb.Context) -> None:
    x, out = ctx.tensor(np.arange(16, dtype=np.float32)), ctx.empty(16)
    handle = shift[(5, 7, 11)](x, out, SHIFT=0, BLOCK=16)
    assert handle.profile().n_programs == 5 * 7 * 11
    assert np.array_equal(out.numpy(), np.arange(16))


BAD_ARGUMENTS: list[tuple[Callable[[kb.Context], Any], type[Exception], str]] = [
    (lambda ctx: ctx.zeros(-1), RuntimeError, "at least 0"),
    (lambda ctx: ctx.zeros(2.5), TypeError, "integer"),
    (lambda ctx: ctx.zeros(2, dtype=dict), TypeError, r"torch\.float16, got <class 'dict'>"),
    (lambda ctx: ctx.zeros(2, placement="x"), TypeError, r"kb\.Blocked\(\), got 'x'"),
    (lambda ctx: ctx.zeros(2, placement=kb.Local(99)), ValueError, "slice from 0 to 1, got 99"),
    (lambda ctx: ctx.zeros(2, placement=kb.Interleaved(0)), ValueError, "chunk"),
    (lambda ctx: ctx.zeros(2, placement=kb.Sharded(3)), IndexError, "Sharded.*got 3"),
    (lambda ctx: ctx.zeros(2, sip=7), ValueError, "sip.*got 7"),
    (lambda ctx: ctx.tensor("abc"), TypeError, "got str"),
    (lambda ctx: ctx.tensor([1j]), TypeError, "got complex"),
    (lambda ctx: ctx.tensor([[1], [2, 3]]), ValueError, "inhomogeneous"),
    (lambda ctx: ctx.wait(None), TypeError, "expected a handle"),  # type: ignore[arg-type]
    (lambda ctx: ctx.transfer(10**10, 0, 1), kb.TopologyError, "0 to 29, got 10000000000"),
    (lambda ctx: ctx.transfer("host", 0, 10**30), ValueError, "nbytes"),
    (lambda ctx: ctx.transfer("host", 0, 1, at_fs=1 << 63), ValueError, "at_fs"),
    (lambda ctx: ctx.transfer("host", 0, 1, op="sent"), ValueError, "message, read, write"),  # type: ignore[arg-type]
    (lambda ctx: ctx.oplog.end, AttributeError, "end_fs"),
    (lambda ctx: ctx.float31, AttributeError, "float31"),
]


@pytest.mark.parametrize(("call", "kind", "message"), BAD_ARGUMENTS)
def test_bad_arguments(
    ctx: kb.Context, call: Callable[[kb.Context], Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        call(ctx)
    assert works(ctx)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"oplog": "none"}, 'expected "full" or "hash", got "none"'),
        ({"uninit": "zero"}, 'expected "error", "nan" or "ignore", got "zero"'),
        ({"oob": "nan"}, 'expected "error" or "zero", got "nan"'),
        ({"oob": "ignore"}, 'expected "error" or "zero", got "ignore"'),
        ({"replay_threads": 0}, "at least 1, got 0"),
        ({"instruction_budget": -1}, "at least 0"),
        ({"isa": "mmx"}, "portable, got mmx"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kb.Context("small", **options)


# --- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(10**12,), (1 << 62,), (1 << 40, 1 << 40)])
def test_tensors_larger_than_the_memory(ctx: kb.Context, shape: tuple[int, ...]) -> None:
    with pytest.raises(kb.OutOfMemoryError, match=r"expected .*got") as caught:
        ctx.zeros(shape)
    assert isinstance(caught.value, RuntimeError)
    assert works(ctx)


def test_memory_of_tensors_that_went_serves_again_and_again(ctx: kb.Context) -> None:
    half = 3 << 28  # 3 GiB of the stack's 4
    for _ in range(3):
        x = ctx.empty(half)
        with pytest.raises(kb.OutOfMemoryError, match=r"HBM slice 0 .*expected room for"):
            ctx.empty(half)
        out = ctx.zeros(16)
        shift[(1,)](ctx.zeros(16), out, SHIFT=0, BLOCK=16)
        ctx.synchronize()
        del x
    assert works(ctx)


@pytest.mark.parametrize(
    ("moved", "got"), [(4, "element 16 "), (-3, "element -3 "), (10**6, "element 1000000 ")]
)
def test_loads_out_of_bounds(ctx: kb.Context, moved: int, got: str) -> None:
    x, out = ctx.tensor(np.arange(16, dtype=np.float32)), ctx.zeros(16)
    shift[(1,)](x, out, SHIFT=moved, BLOCK=16)
    where = rf"^shift:3: load of float32 .*PE 0, program 0: expected .*16 elements.*{got}.*mask"
    with pytest.raises(kb.OutOfBoundsError, match=where):
        ctx.synchronize()
    assert says_that_it_failed(ctx, "shift:3: load")


def test_stores_out_of_bounds(ctx: kb.Context) -> None:
    shift[(1,)](ctx.zeros(16), ctx.zeros(12), SHIFT=0, BLOCK=16)
    with pytest.raises(kb.OutOfBoundsError, match=r"^shift:4: store of float32 .*element 12 "):
        ctx.synchronize()
    assert says_that_it_failed(ctx, "shift:4: store")


def test_failures_of_the_machine_name_the_file(ctx: kb.Context) -> None:
    """A kernel's lines count from its def: the file and its line are said, too."""
    line = shift.source.first_line + 3
    shift[(1,)](ctx.zeros(16), ctx.zeros(12), SHIFT=0, BLOCK=16)
    with pytest.raises(kb.OutOfBoundsError, match=rf"^shift:4: .* \[{__file__}:{line}\]$"):
        ctx.synchronize()


def test_waiting_kernels_are_named_with_their_files() -> None:
    @kb.jit
    def waits(out_ptr):
        tl.store(out_ptr, tl.recv(tl.pe_id(), (), tl.float32))

    with kb.Context("small") as ctx:
        waits[kb.each_pe](ctx.zeros(4))
        with pytest.raises(kb.DeadlockError, match=rf"waits:\d.*\[{__file__}:\d+(, .*)?\]$"):
            ctx.synchronize()


def test_an_index_from_memory_out_of_bounds(ctx: kb.Context) -> None:
    index = ctx.tensor(np.array([0, 1, 50, 3]))
    gather[(1,)](ctx.zeros(16), index, ctx.zeros(4), BLOCK=4)
    with pytest.raises(kb.OutOfBoundsError, match=r"^gather:4: .*element 50 .*by element 2 "):
        ctx.synchronize()
    assert says_that_it_failed(ctx, "gather:4")


def test_out_of_bounds_reads_zero_where_that_is_wanted() -> None:
    values = np.arange(1, 17, dtype=np.float32)
    with kb.Context("small", oob="zero") as ctx:
        x, out = ctx.tensor(values), ctx.zeros(12)
        shift[(1,)](x, out, SHIFT=-3, BLOCK=16)
        assert out.numpy().tolist() == [0, 0, 0, *range(1, 10)]
        assert ctx.counters["oob_elements"] == 3 + 4
        shift[(1,)](x, out, SHIFT=10**6, BLOCK=16)
        assert out.numpy().tolist() == [0] * 12
        index = ctx.tensor(np.array([5, -1, 16, 15]))
        out = ctx.zeros(4)
        gather[(1,)](x, index, out, BLOCK=4)
        assert out.numpy().tolist() == [6, 7, 7, 16]  # `other` where there is one


def test_an_address_of_no_tensor(ctx: kb.Context) -> None:
    shift[(1,)](ctx.zeros(0), ctx.zeros(16), SHIFT=0, BLOCK=16)
    with pytest.raises(kb.PageFaultError, match=r"^shift:3: expected an address within a tensor"):
        ctx.synchronize()
    assert says_that_it_failed(ctx, "shift:3")


def test_stores_to_a_replicated_tensor(ctx: kb.Context) -> None:
    copies = ctx.zeros(16, placement=kb.Replicated())
    shift[(1,)](copies, ctx.zeros(16), SHIFT=0, BLOCK=16)
    ctx.synchronize()
    shift[(1,)](ctx.zeros(16), copies, SHIFT=0, BLOCK=16)
    with pytest.raises(kb.PageFaultError, match=r"^shift:4: store: .*replicated.*place it"):
        ctx.synchronize()
    assert says_that_it_failed(ctx, "shift:4")


def test_stores_that_alias_a_load(ctx: kb.Context) -> None:
    """Overlapping loads and stores of one program keep program order."""
    values = np.arange(32, dtype=np.float32)
    x = ctx.tensor(values)
    shift[(1,)](x, x, SHIFT=3, BLOCK=16)
    assert np.array_equal(x.numpy(), [*values[3:19], *values[16:]])


def test_reads_of_memory_never_written(ctx: kb.Context) -> None:
    x = ctx.empty(20)
    shift[(1,)](ctx.zeros(16), x, SHIFT=0, BLOCK=16)
    shift[(1,)](x, ctx.zeros(16), SHIFT=4, BLOCK=16)
    where = r"^shift:3: load: expected memory that was written, .*lane 12.*PE 0, program 0"
    with pytest.raises(kb.UninitialisedReadError, match=where):
        ctx.synchronize()
    assert says_that_it_failed(ctx, "shift:3: load")


def test_a_tile_that_cannot_fit(ctx: kb.Context) -> None:
    x = ctx.zeros(1 << 19)
    shift[(1,)](x, x, SHIFT=0, BLOCK=1 << 19)
    where = r"^shift:3: .*TCM of a program, 1048576 bytes, got one of 2097152 bytes.*smaller"
    with pytest.raises(kb.OutOfResources, match=where):
        ctx.synchronize()
    assert says_that_it_failed(ctx, "shift:3")


# --- contexts ------------------------------------------------------------------------------------


def test_a_budget_of_instructions() -> None:
    with kb.Context("small", instruction_budget=100_000) as ctx:
        spin[(1,)](1)
        with pytest.raises(kb.DeadlockError, match=r"^spin:\d: program 0 .*100000 instructions"):
            ctx.synchronize()
        assert says_that_it_failed(ctx, "spin")


def test_closed_contexts() -> None:
    with kb.Context("small") as ctx:
        x = ctx.tensor([1.0, 2.0])
        handle = ctx.transfer("sip0.cube0.pe0.dma", "sip0.cube0.hbm", nbytes=64)
        assert handle.latency_fs > 0
    calls: list[Callable[[], Any]] = [
        x.numpy,
        lambda: ctx.zeros(3),
        lambda: ctx.transfer(0, 1, nbytes=1),
        lambda: ctx.transfers([0], [1], [1], [0]),
        ctx.reset,
        ctx.__enter__,
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="closed; make a new one"):
            call()
    with pytest.raises(RuntimeError, match=r"no kernbench\.Context is active"):
        shift[(1,)](x, x, SHIFT=0, BLOCK=2)
    assert handle.latency_fs > 0 and len(ctx.oplog) == 2  # what was logged can be read
    assert "closed" in repr(ctx)


def test_tensors_and_handles_of_another_context(ctx: kb.Context) -> None:
    x = ctx.zeros(16)
    handle = shift[(1,)](x, x, SHIFT=0, BLOCK=16)
    with kb.Context("small") as other:
        with pytest.raises(ValueError, match="'x_ptr' to be a tensor of this context"):
            shift[(1,)](x, x, SHIFT=0, BLOCK=16)
        with pytest.raises(ValueError, match="handle of this context"):
            other.wait(handle)
        assert works(other)
    assert works(ctx) and handle.done


def test_two_threads_in_one_context() -> None:
    with kb.Context("small", instruction_budget=20_000_000) as ctx:
        spin[(1,)](1)
        errors: list[BaseException] = []

        def drive() -> None:
            try:
                ctx.synchronize()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=drive) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused, ended = sorted(errors, key=lambda error: isinstance(error, kb.DeadlockError))
        assert isinstance(refused, RuntimeError) and "Context of its own" in str(refused)
        assert isinstance(ended, kb.DeadlockError)


def test_contexts_of_their_own_in_many_threads() -> None:
    results: list[tuple[bool, int]] = []

    def run() -> None:
        with kb.Context("small") as ctx:
            for _ in range(20):
                good = works(ctx)
            results.append((good, ctx.oplog.hash))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4 and len(set(results)) == 1 and results[0][0]
