"""The op log as columns (ADR-0042)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kernbench import _core

__all__ = ["OpLog"]


class OpLog:
    """What the machine did: one record per engine operation, in order of completion.

    Columns are read-only NumPy arrays by name; ``docs/reference/op-log.md`` lists them with their
    units.  Also as attributes: ``ctx.oplog.end_fs``.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context(kb.Topology.preset("small")) as ctx:
    ...     x = ctx.tensor([1.0, 2.0])
    ...     len(ctx.oplog), ctx.oplog.kinds[ctx.oplog.kind[0]]
    (1, 'copy_in')
    """

    kinds: tuple[str, ...] = tuple(name for name, _ in _core.oplog_schema()["kinds"])

    def __init__(self, engine: _core.Engine) -> None:
        self._engine = engine
        self._read: tuple[int, dict[str, npt.NDArray[Any]]] | None = None

    def __len__(self) -> int:
        return self._engine.oplog_count

    @property
    def columns(self) -> Mapping[str, npt.NDArray[Any]]:
        """Name -> read-only array, one value per record so far.

        Raises
        ------
        ValueError
            With ``oplog="hash"``, which keeps no records.
        """
        count = len(self)
        if self._read is None or self._read[0] != count:
            self._read = (count, self._engine.oplog_columns())
        return self._read[1]

    def __getattr__(self, name: str) -> npt.NDArray[Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self.columns[name]
        except KeyError:
            raise AttributeError(
                f"op log: expected a column among {', '.join(self.columns)}, got {name!r}"
            ) from None

    @property
    def kernels(self) -> list[str]:
        """Kernel names, by the number in column ``kernel``."""
        return self._engine.oplog_kernels()

    @property
    def hash(self) -> int:
        """The 64-bit content hash of everything so far (law L10)."""
        return self._engine.oplog_hash

    def dump(self) -> str:
        """Canonical text, one record a line."""
        return self._engine.oplog_dump()

    def to_numpy(self) -> npt.NDArray[Any]:
        """All columns as one structured array (a copy)."""
        columns = self.columns
        table = np.empty(len(self), dtype=[(name, a.dtype) for name, a in columns.items()])
        for name, values in columns.items():
            table[name] = values
        return table

    def to_pandas(self) -> Any:
        """All columns as a pandas DataFrame.

        Raises
        ------
        ImportError
            When pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                "to_pandas: expected pandas, which is not installed; pip install "
                "'kernbench[report]'"
            ) from error
        return pd.DataFrame(dict(self.columns))

    def __repr__(self) -> str:
        return f"OpLog({len(self)} records, hash {self.hash:016x})"
