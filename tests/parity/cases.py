"""Every case of the parity tests, by families."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from blocks import bodies, dots, reductions, shapes, tutorials
from case import Case
from elementwise import (
    binary,
    casts,
    choices,
    constants,
    functions,
    known_early,
    scalars,
    unary,
)
from neighbours import neighbours

FAMILIES: tuple[Callable[[], Iterator[Case]], ...] = (
    binary,
    constants,
    scalars,
    casts,
    unary,
    functions,
    choices,
    known_early,
    reductions,
    shapes,
    neighbours,
    bodies,
    dots,
    tutorials,
)


def all_cases() -> list[Case]:
    """Every case; their names differ."""
    cases = [case for family in FAMILIES for case in family()]
    names = [case.name for case in cases]
    repeated = (
        {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()
    )
    if repeated:
        raise ValueError(f"expected names that differ, got more than one of {sorted(repeated)}")
    return cases
