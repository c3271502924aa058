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
from prints import prints
from public_algorithms import CASES as algorithms
from public_attention import CASES as attention
from public_batches import CASES as batches
from public_blocks import CASES as blocks
from public_compiled import CASES as compiled
from public_formats import CASES as formats
from public_gradients import CASES as gradients
from public_groups import CASES as groups
from public_idioms import CASES as idioms
from public_losses import CASES as losses
from public_norms import CASES as norms
from public_products import CASES as products
from public_recurrences import CASES as recurrences
from public_routing import CASES as routing
from public_rows import CASES as rows
from public_searches import CASES as searches
from public_sequences import CASES as sequences
from public_serving import CASES as serving
from public_signals import CASES as signals
from public_steps import CASES as steps
from public_structure import CASES as structure

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
    prints,
)

PUBLIC = (
    norms,
    rows,
    products,
    batches,
    groups,
    attention,
    gradients,
    sequences,
    recurrences,
    routing,
    searches,
    algorithms,
    blocks,
    structure,
    idioms,
    losses,
    steps,
    formats,
    serving,
    compiled,
    signals,
)
"""Kernels as they are published, whole."""


def all_cases() -> list[Case]:
    """Every case; their names differ."""
    cases = [case for family in FAMILIES for case in family()]
    cases += [case for group in PUBLIC for case in group]
    names = [case.name for case in cases]
    repeated = (
        {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()
    )
    if repeated:
        raise ValueError(f"expected names that differ, got more than one of {sorted(repeated)}")
    return cases
