"""Raw traffic: batches of messages, reads and writes over the fabric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kernbench.topology import Topology

__all__ = ["Transfers", "batch"]

OPS = {"message": 0, "read": 1, "write": 2}


@dataclass(frozen=True, slots=True)
class Transfers:
    """When each transfer of a batch started and ended, in femtoseconds."""

    start_fs: npt.NDArray[np.int64]
    end_fs: npt.NDArray[np.int64]

    @property
    def latency_fs(self) -> npt.NDArray[np.int64]:
        """``end_fs - start_fs``."""
        return self.end_fs - self.start_fs

    def __len__(self) -> int:
        return len(self.start_fs)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as columns, checked."""

    src: npt.NDArray[np.uint32]
    dst: npt.NDArray[np.uint32]
    nbytes: npt.NDArray[np.int64]
    at_fs: npt.NDArray[np.int64]
    op: npt.NDArray[np.uint8]
    addr: npt.NDArray[np.int64]


def batch(
    topology: Topology, src: Any, dst: Any, nbytes: Any, at_fs: Any, op: Any, addr: Any
) -> Batch:
    """Check a batch of transfers and turn names into node ids.

    Raises
    ------
    ValueError
        When lengths differ, a number is negative or an op is unknown.
    TopologyError
        When a node is unknown.
    """
    sources = _nodes(topology, src)
    n = len(sources)
    one = isinstance(op, str) or not isinstance(op, Iterable)
    ops = np.full(n, _op(op), np.uint8) if one else _ops(op)
    made = Batch(
        sources,
        _nodes(topology, dst),
        _numbers("nbytes", nbytes),
        _numbers("at_fs", at_fs),
        ops,
        np.zeros(n, np.int64) if addr is None else _numbers("addr", addr),
    )
    for name in ("dst", "nbytes", "at_fs", "op", "addr"):
        length = len(getattr(made, name))
        if length != n:
            raise ValueError(f"transfers: expected {n} values of {name}, as of src, got {length}")
    return made


def _numbers(name: str, values: Any) -> npt.NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{name}: expected a sequence of integers, got {array.dtype} of shape {array.shape}"
        )
    if array.size and int(array.min()) < 0:
        raise ValueError(f"{name}: expected at least 0, got {array.min()}")
    if array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: expected at most 2**63 - 1, got {array.max()}")
    return array.astype(np.int64)


def _nodes(topology: Topology, nodes: Any) -> npt.NDArray[np.uint32]:
    if isinstance(nodes, np.ndarray) and nodes.dtype.kind in "iu":
        numbers = _numbers("node", nodes)
        if numbers.size:
            topology.find(int(numbers.max()))
        return numbers.astype(np.uint32)
    known: dict[Any, int] = {}
    ids = [known[n] if n in known else known.setdefault(n, topology.find(n)) for n in nodes]
    return np.asarray(ids, dtype=np.uint32)


def _op(op: Any) -> int:
    if not isinstance(op, str) or op not in OPS:
        raise ValueError(f"op: expected one of {', '.join(OPS)}, got {op!r}")
    return OPS[op]


def _ops(ops: Any) -> npt.NDArray[np.uint8]:
    return np.asarray([_op(op) for op in ops], dtype=np.uint8)
