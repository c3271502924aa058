"""All-to-all of parts of any size, in one launch and without a meeting on the host."""

from __future__ import annotations

from typing import Any

import groups
import numpy as np
import pytest
import test_laws as laws

import kernbench as kb
from kernbench import ccl


def check(sizes: list[list[int]], dtype: kb.dtype = kb.float32, pes: int = 2) -> None:
    """Compare with NumPy: ``sizes[i][j]`` elements go from rank i to rank j."""
    n = len(sizes)
    rng = np.random.default_rng(n)
    values = [rng.integers(0, 8, sum(row)) for row in sizes]
    with kb.Context(groups.machine(n, "ring", pes)) as ctx:
        group, outputs = ccl.Group(range(n)), []
        for rank, value in enumerate(values):
            takes = [row[rank] for row in sizes]
            x = ctx.tensor(value, dtype=dtype, sip=rank)
            y = ctx.empty(sum(takes), dtype=dtype, sip=rank)
            outputs.append(y)
            ccl.all_to_all_uneven(
                ctx, group=group, rank=rank, input=x, output=y, gives=sizes[rank], takes=takes
            )
        for rank, y in enumerate(outputs):
            parts = [
                np.split(value, np.cumsum(row)[:-1])[rank]
                for value, row in zip(values, sizes, strict=True)
            ]
            np.testing.assert_array_equal(y.numpy().astype(np.int64), np.concatenate(parts))


@pytest.mark.parametrize("most", [2, 300, 5000, 60_000])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_sizes_of_all_kinds(size: int, most: int) -> None:
    """Nothing, less than a small block, and more than a ring holds."""
    rng = np.random.default_rng(10 * size + most)
    check(rng.integers(0, most, (size, size)).tolist())


@pytest.mark.parametrize("dtype", [kb.float64, kb.float16, kb.float8e5, kb.int8, kb.int64])
def test_any_dtype(dtype: kb.dtype) -> None:
    check([[3, 4097, 0], [1, 0, 20_001], [5000, 7, 1]], dtype)


@pytest.mark.parametrize("giver", range(3))
def test_one_rank_has_all(giver: int) -> None:
    check([[200_000 if rank == giver else 0] * 3 for rank in range(3)], pes=1)


def test_64_mib_within_the_law() -> None:
    """Sizes that happen to be equal take as long as the law of `direct` says."""
    ranks, count = laws.RANKS, laws.NBYTES // 4
    part = count // ranks
    with kb.Context(laws.machine(ranks, "switch"), data=False, oplog="hash") as ctx:
        handles = [
            ccl.all_to_all_uneven(
                ctx,
                group=ccl.Group(range(ranks)),
                rank=rank,
                input=ctx.empty(count, sip=rank),
                output=ctx.empty(count, sip=rank),
                gives=[part] * ranks,
                takes=[part] * ranks,
            )
            for rank in range(ranks)
        ]
        ctx.synchronize()
        first = max(handle.target_fs for handle in handles)
        found_ns = (max(handle.end_fs for handle in handles) - first) / 1e6
    law_ns = (ranks - 1) / ranks * laws.NBYTES / laws.RATE
    assert law_ns <= found_ns <= 1.05 * law_ns


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gives": [1, 2, 6]}, r"expected gives to be 3 sizes that add up to 8, got \[1, 2, 6\]"),
        ({"takes": [4, 4]}, r"expected takes to be 3 sizes that add up to 8, got \[4, 4\]"),
        ({"takes": [9, -1, 0]}, r"expected takes to be 3 sizes that add up to 8"),
        ({"takes": [7, 1, 0]}, r"rank 0 gives itself 1 elements, and takes 7"),
        ({"rank": 3}, r"expected rank from 0 to 2, got 3"),
        ({"rank": 1}, r"expected input on SIP 1, got SIP 0"),
        ({"output": lambda ctx: ctx.zeros(8, dtype=kb.int32)}, r"expected one dtype, got fp32"),
    ],
)
def test_arguments_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with kb.Context(groups.machine(3)) as ctx:
        arguments: dict[str, Any] = {
            **{"group": ccl.Group([0, 1, 2]), "rank": 0, "gives": [1, 2, 5], "takes": [1, 0, 7]},
            **{"input": ctx.zeros(8), "output": ctx.zeros(8)},
        }
        for name, change in changes.items():
            arguments[name] = change(ctx) if callable(change) else change
        with pytest.raises(ValueError, match=message):
            ccl.all_to_all_uneven(ctx, **arguments)
