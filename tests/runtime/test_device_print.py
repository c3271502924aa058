"""tl.device_print (ADR-0074): text, order, no simulated time, bounded memory, failures."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import kernbench as kb
import kernbench.language as tl


@kb.jit
def shows(x_ptr, n, B: tl.constexpr):
    offs = tl.arange(0, B)
    x = tl.load(x_ptr + tl.program_id(0) * B + offs)
    tl.device_print("x", x)
    tl.device_print("start")
    print("n and mask: ", n, offs < n)
    tl.device_print("", (x * 2).to(tl.float16), hex=True)


SHOWN = """\
pid (0, 0, 0) idx (0) x: 0.500000
pid (0, 0, 0) idx (1) x: 1.500000
pid (0, 0, 0) start
pid (0, 0, 0) idx () n and mask: (operand 0) 1
pid (0, 0, 0) idx (0) n and mask: (operand 1) 1
pid (0, 0, 0) idx (1) n and mask: (operand 1) 0
pid (0, 0, 0) idx (0): 0x3c00
pid (0, 0, 0) idx (1): 0x4200
"""


def test_text_is_that_of_triton_on_cuda(capsys):
    """ADR-0074 D3, D4: by program, and in order of the source, although values come later."""
    with kb.Context("small") as ctx:
        shows[(2,)](ctx.tensor(np.arange(4, dtype=np.float32) + 0.5), 1, B=2)
        assert capsys.readouterr().out == ""
        ctx.synchronize()
        text = capsys.readouterr().out
        ctx.synchronize()
        assert capsys.readouterr().out == ""
    first, second = text[: text.index("pid (1")], text[text.index("pid (1") :]
    assert first == SHOWN
    assert second.startswith("pid (1, 0, 0) idx (0) x: 2.500000\n")
    assert second.count("\n") == first.count("\n")


@kb.jit
def typed(x_ptr, f_ptr, DTYPE: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, 4))
    tl.device_print("i", x.to(DTYPE))
    tl.device_print("hex", x.to(DTYPE), hex=True)
    tl.device_print("f", tl.load(f_ptr + tl.arange(0, 4)))


@pytest.mark.parametrize(
    ("dtype", "number", "bits"),
    [
        (tl.int8, "-3", "0xfd"),
        (tl.uint8, "253", "0xfd"),
        (tl.int16, "-3", "0xfffd"),
        (tl.int32, "-3", "0xfffffffd"),
        (tl.uint32, "4294967293", "0xfffffffd"),
        (tl.int64, "-3", "0xfffffffffffffffd"),
        (tl.uint64, "18446744073709551613", "0xfffffffffffffffd"),
        (tl.int1, "1", "0x01"),
        (tl.bfloat16, "-3.000000", "0xc040"),
        (tl.float8e5, "-3.000000", "0xc2"),
        (tl.float64, "-3.000000", "0xc008000000000000"),
    ],
)
def test_every_dtype(capsys, dtype, number, bits):
    with kb.Context("small") as ctx:
        floats = ctx.tensor(np.array([np.nan, np.inf, -np.inf, 1e-7], np.float32))
        typed[(1,)](ctx.tensor(np.full(4, -3, np.int32)), floats, dtype)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(f" i: {number}")
    assert lines[4].endswith(f" hex: {bits}")
    assert [line.rpartition(" ")[2] for line in lines[8:]] == ["nan", "inf", "-inf", "0.000000"]


@kb.jit
def in_a_loop(x_ptr, n, B: tl.constexpr, SHOW: tl.constexpr):
    offs = tl.arange(0, B)
    acc = tl.zeros((B, B), tl.float32)
    for i in range(n):
        a = tl.load(x_ptr + offs[:, None] * B + offs[None, :])
        acc += tl.dot(a, a)
        if SHOW:
            tl.device_print("acc", acc)
            print("a", a, i, offs)
            print("here")
        x_ptr += B * B
    tl.store(x_ptr + offs[:, None] * B + offs[None, :], acc)


@pytest.mark.parametrize("contexts", [1, 4])
def test_simulated_time_is_as_without(capsys, contexts):
    """ADR-0074 D1."""
    last_fs = []
    for show in (False, True):
        with kb.Context(kb.Topology.preset("small", {"system.pe.contexts": contexts})) as ctx:
            in_a_loop[(8,)](ctx.zeros((5, 16, 16)), 4, B=16, SHOW=show)
            ctx.synchronize()
            last_fs.append(ctx.now_fs)
    assert last_fs[0] == last_fs[1]
    assert capsys.readouterr().out.count("acc: ") == 8 * 4 * 256


@pytest.mark.parametrize("overrides", [{"system.pe.contexts": 4}, {"system.cube.pes": 1}])
def test_text_does_not_depend_on_the_machine(capsys, overrides):
    """ADR-0074 D3."""
    texts = []
    for change in ({}, overrides):
        with kb.Context(kb.Topology.preset("small", change)) as ctx:
            in_a_loop[(3, 2)](ctx.tensor(np.eye(80, 16, dtype=np.float32)), 4, B=16, SHOW=True)
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert re.findall(r"pid \((\d, \d, 0)\) here", texts[0])[::4] == [
        f"{x}, {y}, 0" for y in range(2) for x in range(3)
    ]


@kb.jit
def counts(n):
    for i in range(n):
        tl.device_print("i", i)


def test_a_million_prints_take_bounded_memory(capsys):
    """ADR-0074 D5."""
    with kb.Context("small", oplog="hash") as ctx:
        counts[(1,)](1_000_000)
        with pytest.warns(RuntimeWarning, match="737,856 more values were not kept") as told:
            ctx.synchronize()
        lines = capsys.readouterr().out.splitlines()
        assert ctx.counters["peak_nbytes"] < 200_000_000
    assert len(lines) == 262_144
    assert lines[-1] == "pid (0, 0, 0) idx () i: 262143"
    assert "print from fewer programs" in str(told[0].message)


def test_prints_before_a_failure_are_shown(capsys):
    @kb.jit
    def fails(x_ptr, n):
        tl.device_print("n", n)
        x = tl.load(x_ptr)
        tl.device_print("x", x)
        tl.device_assert(n < 3, "n is large")

    with kb.Context("small") as ctx:
        fails[(1,)](ctx.tensor([2.5]), 5)
        with pytest.raises(kb.KernbenchError, match="n is large"):
            ctx.synchronize()
        assert capsys.readouterr().out == "pid (0, 0, 0) idx () n: 5\n"  # x was still on its way


def test_prints_before_a_late_failure_are_shown(capsys):
    @kb.jit
    def fails(x_ptr, n):
        i = tl.load(x_ptr)
        tl.device_print("i", i)
        tl.store(x_ptr + i, n)

    with kb.Context("small") as ctx:
        fails[(1,)](ctx.tensor([77]), 5)
        with pytest.raises(kb.OutOfBoundsError):
            ctx.synchronize()
        assert capsys.readouterr().out == "pid (0, 0, 0) idx () i: 77\n"


def test_timing_alone_says_once_that_there_is_nothing_to_show(capsys):
    """ADR-0074 D6."""
    with kb.Context("small", data=False) as ctx:
        x = ctx.tensor(np.arange(4, dtype=np.float32))
        with pytest.warns(RuntimeWarning, match=r"shows prints .* run it with data") as told:
            shows[(1,)](x, 1, B=2)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            shows[(1,)](x, 1, B=2)
        ctx.synchronize()
    assert len(told) == 1
    assert told[0].filename == __file__
    assert capsys.readouterr().out == ""


def test_the_op_log_is_that_of_timing_alone():
    def of_run(data):
        with kb.Context("small", data=data) as ctx:
            shows[(2,)](ctx.tensor(np.arange(4, dtype=np.float32)), 1, B=2)
            ctx.synchronize()
            return ctx.oplog.hash

    with pytest.warns(RuntimeWarning):
        assert of_run(False) == of_run(True)


def test_the_end_of_a_context_waits_for_prints(capsys):
    with kb.Context("small"):
        counts[(1,)](2)
    assert capsys.readouterr().out == "pid (0, 0, 0) idx () i: 0\npid (0, 0, 0) idx () i: 1\n"


@kb.jit
def no_text(x_ptr):
    print(tl.load(x_ptr))


@kb.jit
def no_ascii(x_ptr):
    print("größe", tl.load(x_ptr))


@kb.jit
def no_number(x_ptr):
    tl.device_print("x", "y")


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (no_text, 'expected a text first, got a tile fp32; write tl.device_print."x", x.'),
        (no_ascii, "printable ASCII.*'ß', 'ö'; write it in ASCII"),
        (no_number, "expected values behind the one text, got another text, 'y'"),
    ],
)
def test_what_cannot_be_printed(kernel, message):
    with kb.Context("small") as ctx, pytest.raises(kb.CompilationError, match=message):
        kernel[(1,)](ctx.tensor([1.0]))
