"""The numbers of opcodes, operations and dtypes, asked of the engine once, when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class KirTables:
    """Names to numbers, as the engine's own lists have them (csrc/kernel/kir.h, mathop.h)."""

    version: int
    max_rank: int
    max_tile_elements: int
    opcodes: Mapping[str, int]
    mathops: Mapping[str, int]
    reduceops: Mapping[str, int]
    precisions: Mapping[str, int]
    dtypes: Mapping[str, int]
    places: Mapping[str, int]


@cache
def tables() -> KirTables:
    """Return the engine's lists."""
    from kernbench import _core

    lists: dict[str, Any] = _core.kir_tables()

    def numbered(key: str) -> Mapping[str, int]:
        return MappingProxyType({name: number for number, name in enumerate(lists[key])})

    return KirTables(
        version=lists["version"],
        max_rank=lists["max_rank"],
        max_tile_elements=lists["max_tile_elements"],
        opcodes=numbered("opcodes"),
        mathops=numbered("mathops"),
        reduceops=numbered("reduceops"),
        precisions=numbered("precisions"),
        dtypes=numbered("dtypes"),
        places=numbered("places"),
    )
