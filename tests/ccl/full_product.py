"""The full product: algorithm x collective x group size 2..9 x dtype x odd size (`make test-full`).

`test_values.py` has it pairwise, and is what `make test` runs.
"""

from __future__ import annotations

import groups
import numpy as np
import pytest
from test_values import ALGORITHMS, COUNTS, DTYPES

import kernbench as kb
from kernbench import ccl
from kernbench.ccl.launch import make_call

MOST = 8
"""Ones of so many ranks add up exactly in every dtype: float8e5 has no 9."""


def values_of(size: int, count: int, dtype: kb.dtype) -> list[np.ndarray]:
    values = groups.inputs(size, count, dtype, seed=size)
    if dtype.itemsize == 1:
        values[MOST:] = [np.zeros_like(value) for value in values[MOST:]]
    return values


def fits(ctx: kb.Context, algorithm: str, size: int, dtype: kb.dtype) -> bool:
    x = ctx.empty(size, dtype=dtype)
    call = make_call(ctx, "all_reduce", ccl.Group(range(size)), 0, x, x)
    known = algorithm in ccl.algorithms("all_reduce")
    return not known or ccl.find("all_reduce", algorithm).fits(call)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", range(2, 10))
@pytest.mark.parametrize(("collective", "algorithm"), ALGORITHMS)
def test_every_odd_size(collective: str, algorithm: str, size: int, dtype: kb.dtype) -> None:
    kind = "reducing" if algorithm == "in_switch" else "ring"
    group, root = ccl.Group(range(size)), size // 2
    with kb.Context(groups.machine(size, kind)) as ctx:
        if not fits(ctx, algorithm, size, dtype):
            pytest.skip(f"{algorithm} does not serve it")
        for count in COUNTS:
            parts = collective in ("reduce_scatter", "all_to_all", "scatter")
            values = values_of(size, count * size if parts else count, dtype)
            outputs, _ = groups.run(
                ctx,
                collective,
                values,
                group=group,
                dtype=dtype,
                root=root,
                algorithm=algorithm,
                in_place=count % 2 == 0,
            )
            for rank, wanted in enumerate(groups.expected(collective, values, "sum", root)):
                got = outputs[rank]
                if got is None or wanted is None:
                    continue
                np.testing.assert_array_equal(
                    got.numpy().astype(np.int64), wanted, err_msg=f"{count}, rank {rank} of {size}"
                )
