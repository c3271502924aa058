"""Random programs mean in the kernel what they mean in Python: joins, loops, freeing, sharing."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from running import run

import kernbench.language as tl

SCALARS = ["a", "b", "c", "n", "i"]
TILES = ["x", "y", "z"]
HEADER = """def kernel(out_ptr, in_ptr, n, N: tl.constexpr):
    offs = tl.arange(0, N)
    a, b, c, i, fuel = 1, 2, n, 5, 7
    x = tl.load(in_ptr + offs)
    y = offs
    z = tl.zeros([N], tl.int32)
"""
FOOTER = """    tl.store(out_ptr + offs, x)
    tl.store(out_ptr + N + offs, y + a)
    tl.store(out_ptr + 2 * N + offs, z * b + c)
"""

scalars = st.one_of(st.sampled_from(SCALARS), st.integers(0, 9).map(str))
operators = st.sampled_from(["+", "-", "*", "^", "|"])


@st.composite
def values(draw, leaves):
    """Draw an expression that stays below 1024, so that no int32 overflows."""
    left, right = draw(leaves), draw(st.one_of(leaves, scalars))
    return f"({left} {draw(operators)} {right}) & 1023"


conditions = st.builds("({} {} {})".format, scalars, st.sampled_from(["<", "==", ">="]), scalars)
tile_values = st.one_of(
    values(st.sampled_from(TILES)),
    st.builds("tl.load(in_ptr + (offs + {}) % N)".format, scalars.map(lambda s: f"({s} & 3)")),
    st.builds("tl.where({} < {}, {}, {})".format, *[st.sampled_from(TILES)] * 4),
    st.builds("twice({})".format, st.sampled_from(TILES)),
)
assignments = st.one_of(
    st.builds("{} = {}".format, st.sampled_from(SCALARS), values(scalars)),
    st.builds("{} = {}".format, st.sampled_from(TILES), tile_values),
    st.builds("a, b = b, ({}) & 1023".format, scalars),
    st.builds("x, y = y, {}".format, tile_values),
    st.builds("c = ({}) if {} else 7".format, values(scalars), conditions),
)


def indented(lines):
    return ["    " + line for line in lines]


def flattened(parts):
    return [line for part in parts for line in part]


def compound(inner):
    bodies = st.lists(inner, min_size=1, max_size=3).map(flattened)
    return st.one_of(
        st.builds(lambda c, t: [f"if {c}:", *indented(t)], conditions, bodies),
        st.builds(
            lambda c, t, e: [f"if {c}:", *indented(t), "else:", *indented(e)],
            conditions,
            bodies,
            bodies,
        ),
        st.builds(lambda s, b: [f"for i in range({s} & 3):", *indented(b)], scalars, bodies),
        st.builds(
            lambda c, b: [f"while (fuel > 0) & {c}:", "    fuel -= 1", *indented(b)],
            conditions,
            bodies,
        ),
        st.builds(lambda b: ["for s in tl.static_range(2):", *indented(b)], bodies),
    )


statements = st.recursive(assignments.map(lambda line: [line]), compound, max_leaves=12)


@tl.jit
def twice(t):
    if tl.program_id(0) > 5:
        return t
    return (t + t) & 1023


def python_result(source, given_array, n):
    """Run the source as Python, on NumPy arrays."""
    stored = np.zeros(24, np.int64)
    shim = SimpleNamespace(
        constexpr=None,
        int32=np.int64,
        arange=np.arange,
        zeros=np.zeros,
        where=np.where,
        static_range=range,
        load=lambda places: given_array[places],
        store=lambda places, value: stored.__setitem__(places, value),
    )
    scope = {"tl": shim, "twice": lambda t: (t + t) & 1023}
    exec(source, scope)
    scope["kernel"](0, 0, n, 8)
    return stored


@settings(max_examples=150, deadline=None)
@given(st.lists(statements, min_size=1, max_size=5), st.integers(0, 9))
def test_random_programs(parts, n):
    source = HEADER + "".join(f"    {line}\n" for part in parts for line in part) + FOOTER
    given_array = np.array([3, 1, 4, 1, 5, 9, 2, 6], np.int32)
    scope = {"tl": tl, "twice": twice}
    exec(source, scope)
    kernel = tl.jit(scope["kernel"])
    kernel.__dict__["_origin"] = (source, "random.py", 1, 0)
    out = np.zeros(24, np.int32)
    run(kernel, 1, out, given_array, n, N=8)
    np.testing.assert_array_equal(out, python_result(source, given_array.astype(np.int64), n))
