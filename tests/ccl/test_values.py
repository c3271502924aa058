"""Collectives give the right values: every algorithm, any group size, any dtype, odd sizes."""

from __future__ import annotations

import groups
import pytest

import kernbench as kb
from kernbench import ccl

ALGORITHMS = [
    (collective, name) for collective in ccl.COLLECTIVES for name in ccl.algorithms(collective)
]
DTYPES = (
    *(kb.float32, kb.float16, kb.bfloat16, kb.float64, kb.float8e5, kb.float8e4nv),
    *(kb.int8, kb.int16, kb.int32, kb.int64, kb.uint8),
)
COUNTS = (1, 2, 3, 17, 100, 1023, 1025, 4097, 5000)


@pytest.mark.parametrize("size", range(1, 10))
@pytest.mark.parametrize(("collective", "algorithm"), ALGORITHMS)
def test_any_group_size(collective: str, algorithm: str, size: int) -> None:
    groups.check(collective, size, 45 + size, algorithm=algorithm, root=size // 2)


@pytest.mark.parametrize("place", range(len(DTYPES)))
@pytest.mark.parametrize(("collective", "algorithm"), ALGORITHMS)
def test_any_dtype(collective: str, algorithm: str, place: int) -> None:
    count = COUNTS[place % len(COUNTS)]
    size = 3 + place % 2
    groups.check(
        collective, size, count, algorithm=algorithm, dtype=DTYPES[place], in_place=place % 3 == 0
    )


def test_chunks_larger_than_all_slots_of_a_ring() -> None:
    """Ranks that send all of a chunk before they receive wait for each other for ever."""
    groups.check("all_reduce", 2, 1 << 18, algorithm="ring")
