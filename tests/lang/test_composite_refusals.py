"""`tl.composite` in the compiler: what it writes, and what it refuses, with a caret (ADR-0014)."""

from __future__ import annotations

import re

import numpy as np
import pytest
from running import HAS_ENGINE, compiled
from test_refusals import refused

import kernbench
import kernbench.language as tl

X = np.zeros(64, np.float16)


@tl.jit
def with_branch(tile, n):
    if n > 3:
        tile = tile * 2.0
    return tile


@tl.jit
def narrower(tile):
    return tl.sum(tile, 1)


@tl.jit
def positions(tile):
    return tile + tl.arange(0, 32)


@tl.jit
def add(tile, other):
    return tile + other


def statement(line):
    """Return a kernel whose last statement is `line`."""
    source = (
        "def kernel(x_ptr, n):\n"
        "    a = tl.make_tensor_descriptor(x_ptr, [n, n], [n, 1], [16, 64])\n"
        "    b = tl.make_tensor_descriptor(x_ptr, [n, n], [n, 1], [64, 32])\n"
        "    c = tl.make_tensor_descriptor(x_ptr, [n, n], [n, 1], [16, 32])\n"
        "    v = tl.make_tensor_descriptor(x_ptr, [n], [1], [32])\n"
        f"    {line}\n"
    )
    names = (with_branch, narrower, positions, add)
    scope = {"tl": tl, **{function.__name__: function for function in names}}
    exec(compile(source, __file__, "exec"), scope)
    kernel = tl.jit(scope["kernel"])
    kernel._unsafe_update_src(source)
    kernel.__dict__["_origin"] = (source, "k.py", 1, 0)
    return kernel


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tl.composite((a, b))", "missing a required argument: 'out'"),
        ("tl.composite((a, b), out=x_ptr)", "out, a tensor descriptor made by"),
        ("tl.composite((a, b), out=v)", "expected out to be a matrix"),
        ("tl.composite(out=c)", "expected an operation"),
        ("tl.composite((a, b), c, out=c)", "expected a pair (a, b) of descriptors to multiply"),
        ("tl.composite((a, 3), out=c)", "expected a descriptor made by"),
        ("tl.composite((a, v), out=c)", "expected two matrices to multiply"),
        ("tl.composite((b, a), out=c)", "K is 32, and 16"),
        ("tl.composite((a, b), out=a)", "expected a block of 64 along axis 'n'"),
        ("tl.composite(a, out=c)", "expected a block of 32 along axis 'n'"),
        ("tl.composite((a, b), out=c, buffers=0)", "expected 1 to 16 buffers, got 0"),
        ("tl.composite((a, b), out=c, buffers=n)", "known at compile time"),
        ("tl.composite((a, b), out=c, out_dtype=3)", "expected a dtype"),
        ("tl.composite((a, b), out=c, input_precision='x')", "one of ieee, tf32, tf32x3"),
        ("tl.composite((a, b), out=c, epilogues=add)", "made by tl.epilogue"),
        ("tl.composite(*(((a, b),) * 7), out=c)", "expected at most 6 products"),
        ("tl.epilogue(3)", "expected a jit function or a function of tl"),
        ("tl.epilogue(add, v, scope='grid')", "'kernel' or 'tile', got 'grid'"),
        (
            "tl.composite((a, b), out=c, epilogues=tl.epilogue(add, (v, 'k')))",
            "axis 'k' is that of a step",
        ),
        (
            "tl.composite((a, b), out=c, epilogues=tl.epilogue(add, (v, 'mn')))",
            "expected 1 axes of",
        ),
        (
            "tl.composite((a, b), out=c, epilogues=tl.epilogue(add, (v, 'm')))",
            "of 16 along axis 'm'",
        ),
        (
            "tl.composite((a, b), out=c, epilogues=tl.epilogue(add, (n, 'm')))",
            "before the axes 'm'",
        ),
        ("tl.composite((a, b), out=c, epilogues=tl.epilogue(narrower))", "returns a tile like its"),
        (
            "tl.composite((a, b), out=c, epilogues=tl.epilogue(with_branch, n))",
            "no branches or loops",
        ),
        ("tl.composite((a, b), out=c, epilogues=tl.epilogue(positions))", "'arange' does not"),
        ("tl.composite((a, b), out=c, epilogues=tl.epilogue(add))", "'other'"),
        (
            "tl.composite((a, b), out=c, epilogues=(tl.epilogue(tl.exp),) * 17)",
            "expected at most 16 operations for a tile",
        ),
        ("tl.wait(3)", "expected the handle that tl.composite returned"),
        ("tl.wait(n)", "expected the handle that tl.composite returned"),
        ("tl.make_tensor_descriptor(n, [n], [1], [16])", "expected a pointer to the first element"),
        ("tl.make_tensor_descriptor(x_ptr, [n], [n, 1], [16])", "of equal lengths"),
        ("tl.make_tensor_descriptor(x_ptr, [n], [1], [n])", "known at compile time"),
        ("tl.make_tensor_descriptor(x_ptr, [n], [1], [12])", "powers of 2"),
        ("a.load([n])", "expected 2 offsets, got 1"),
        ("tl.make_tensor_descriptor(x_ptr, [n], [1], [16], 'nan')", "'zero', the only one"),
    ],
)
def test_refusals_have_a_place_and_a_reason(line, message):
    error = refused(statement(line), X, 3)
    shown = "\n".join(str(note) for note in (error.message, *getattr(error, "notes", ())))
    assert message in shown
    if error.filename == "k.py":
        assert error.lineno == 6 and error.column >= 5
    assert str(error).splitlines()[-1].strip(" ^") == "" or "called from" in str(error)


@pytest.mark.skipif(not HAS_ENGINE, reason="the engine prints KIR")
def test_a_composite_is_one_command_with_a_body():
    line = "tl.composite((a, b), out=c, epilogues=tl.epilogue(add, v))"
    text = kernbench._core.Kernel(compiled(statement(line), X, 3).code).dump()
    body = text[text.index(" = composite ") : text.index("composite_end")]
    names = re.findall(r"line 6 +(?:r\d+ = )?([\w.]+)", body)
    assert names == [
        "section", "full", "section", "view_load", "view_load", "dot.ieee",
        "section", "view_load", "math.cast", "alias", "math.add", "math.cast", "view_store",
    ]  # fmt: skip
    assert re.search(r"(r\d+) = dot.ieee r\d+! r\d+! \1!", body), "the sum is added to in place"
