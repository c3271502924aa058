"""Op logs made by hand, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench import _core
from kernbench.runtime.profile import KIND

SCHEMA = [(name, np.dtype(code)) for name, code, *_ in _core.oplog_schema()["columns"]]
NONE = dict.fromkeys(("payload", "pe", "launch", "program", "kernel"), -1)
BLANK = {**{name: 0 for name, _ in SCHEMA}, **NONE}


def record(kind: str, start_fs: int, end_fs: int, **more: int) -> dict[str, int]:
    """One record; what is not told is 0, or -1 where the op log writes that for none."""
    return {**BLANK, "kind": KIND[kind], "start_fs": start_fs, "end_fs": end_fs, **more}


def oplog(records: Sequence[dict[str, int]]) -> dict[str, Any]:
    """Columns of records, put in order of completion as the engine would."""
    ordered = sorted(records, key=lambda r: r["end_fs"])
    return {name: np.array([r[name] for r in ordered], dtype=dtype) for name, dtype in SCHEMA}
