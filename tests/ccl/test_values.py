"""Collectives give the right values: every algorithm, any group size, any dtype, odd sizes."""

from __future__ import annotations

import groups
import numpy as np
import pytest

import kernbench as kb
from kernbench import ccl

ALGORITHMS = [
    (collective, name)
    for collective in ccl.COLLECTIVES
    for name in ccl.algorithms(collective)
    if collective not in ("send", "recv")
]
DTYPES = (
    *(kb.float32, kb.float16, kb.bfloat16, kb.float64, kb.float8e5, kb.float8e4nv),
    *(kb.int8, kb.int16, kb.int32, kb.int64, kb.uint8),
)
COUNTS = (1, 2, 3, 17, 100, 1023, 1025, 4097, 5000)


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize(("collective", "algorithm"), ALGORITHMS)
def test_any_group_size(collective: str, algorithm: str, size: int) -> None:
    root = size // 2
    if algorithm == "hierarchical" and size in (2, 3, 5, 7):
        with pytest.raises(ValueError, match=f"does not serve a group of {size}"):
            groups.check(collective, size, 1, algorithm=algorithm)
    else:
        groups.check(collective, size, 45 + size, algorithm=algorithm, root=root)


@pytest.mark.parametrize("place", range(len(DTYPES)))
@pytest.mark.parametrize(("collective", "algorithm"), ALGORITHMS)
def test_any_dtype(collective: str, algorithm: str, place: int) -> None:
    count, dtype = COUNTS[place % len(COUNTS)], DTYPES[place]
    size = 4 if algorithm == "hierarchical" else 3 + place % 2
    served = dtype.itemsize >= (2 if dtype.is_floating() else 4)
    if algorithm == "in_switch" and not served:
        with pytest.raises(ValueError, match=r"'in_switch' does not serve .* floats of 16 bits"):
            groups.check(collective, size, count, algorithm=algorithm, dtype=dtype)
    else:
        groups.check(
            collective, size, count, algorithm=algorithm, dtype=dtype, in_place=place % 3 == 0
        )


@pytest.mark.parametrize("algorithm", ccl.algorithms("all_reduce"))
def test_chunks_larger_than_all_slots_of_a_ring(algorithm: str) -> None:
    """Ranks that send all of a chunk before they receive wait for each other for ever."""
    size = 4 if algorithm == "hierarchical" else 2
    groups.check("all_reduce", size, 1 << 18, algorithm=algorithm)


@pytest.mark.parametrize(("collective", "algorithm"), ALGORITHMS)
def test_sips_in_no_order(collective: str, algorithm: str) -> None:
    """Ranks are found in a table; but the switch knows groups of even steps alone."""
    if algorithm == "in_switch":
        with pytest.raises(ValueError, match=r"'in_switch' does not serve .* SIPs at even steps"):
            groups.check(collective, 4, 50, algorithm=algorithm, sips=[3, 0, 4, 1])
        groups.check(collective, 3, 50, algorithm=algorithm, sips=[5, 3, 1], number=2)
    else:
        groups.check(collective, 4, 50, algorithm=algorithm, sips=[3, 0, 4, 1], number=2, root=1)


@pytest.mark.parametrize(("collective", "algorithm"), ALGORITHMS)
def test_parts_on_several_pes(collective: str, algorithm: str) -> None:
    """Each PE has its part of the tensor, and the last one less than the others."""
    groups.check(collective, 4, 2500, algorithm=algorithm, pes=4)


@pytest.mark.parametrize(("collective", "algorithm"), ALGORITHMS)
def test_nothing(collective: str, algorithm: str) -> None:
    groups.check(collective, 4, 0, algorithm=algorithm)


@pytest.mark.parametrize("count", [1, 5000, 100_000])
def test_messages_between_two_ranks(count: int) -> None:
    group = ccl.Group([2, 0, 1])
    with kb.Context(groups.machine(3, pes=2)) as ctx:
        x = ctx.tensor(np.arange(count, dtype=np.int32), sip=1)
        y = ctx.empty(count, dtype=kb.int32, sip=2)
        ccl.launch(ctx, "send", group=group, rank=2, input=x, root=0)
        ccl.launch(ctx, "recv", group=group, rank=0, output=y, root=2)
        np.testing.assert_array_equal(y.numpy(), np.arange(count))
