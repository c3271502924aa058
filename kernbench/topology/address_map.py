"""Which pseudo-channel, bank, row and column the bytes of a memory lie in (ADR-0051, ADR-0052)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from kernbench import _core

__all__ = ["AddressMap"]


class AddressMap:
    """The map of one HBM that has a ``standard``: made by :meth:`Topology.address_map`.

    Attributes
    ----------
    sizes : mapping of str to int
        How many values each field has: ``pc``, ``bank_group``, ``column``, ``bank``, ``sid``,
        ``row``, and ``slice``, the share of one PE, where there are several.
    burst_nbytes : int
        Bytes of one column.
    capacity_nbytes : int
        Bytes of the memory: the product of the sizes times ``burst_nbytes``.

    Examples
    --------
    >>> import kernbench as kb
    >>> m = kb.Topology.preset("small").address_map("sip0.cube0.hbm")
    >>> m.decode(m.encode(row=3, bank=1))["row"]
    3
    >>> m.sizes["slice"], m.sizes["pc"]
    (2, 4)
    """

    def __init__(self, core: _core.Topology, node: int, name: str) -> None:
        described = core.dram_map(node)
        assert described is not None
        fields, self._n_slices, self.burst_nbytes = described
        self._core, self._node, self.name = core, node, name
        self._fields = [field for field, _ in fields]
        sizes = dict(fields)
        self._slice_nbytes = self.burst_nbytes
        for count in sizes.values():
            self._slice_nbytes *= count
        self.capacity_nbytes = self._slice_nbytes * self._n_slices
        if self._n_slices > 1:
            sizes["slice"] = self._n_slices
        self.sizes: Mapping[str, int] = MappingProxyType(sizes)

    def encode(self, **fields: Any) -> Any:
        """Return the offset of the burst at a place.

        Parameters
        ----------
        **fields : int or array_like of int
            Values by field, broadcast against each other; a field that is left out is 0.

        Returns
        -------
        int or numpy.ndarray of int64
            The offset of the burst's first byte; an int when all fields are.

        Raises
        ------
        ValueError
            When there is no such field, or a value is not below its size.
        """
        for field in fields:
            if field not in self.sizes:
                raise ValueError(f"{field}: expected one of {', '.join(self.sizes)}")
        arrays = np.broadcast_arrays(*(_integers(f, fields.get(f, 0)) for f in self.sizes))
        for field, array in zip(self.sizes, arrays, strict=True):
            _check(field, array, self.sizes[field])
        by_field = dict(zip(self.sizes, arrays, strict=True))
        table = np.stack([by_field[field].ravel() for field in self._fields])
        offsets = self._core.dram_encode(self._node, table)
        if "slice" in by_field:
            offsets = offsets + by_field["slice"].ravel() * self._slice_nbytes
        return _like(offsets, arrays[0].shape)

    def decode(self, addr: Any) -> dict[str, Any]:
        """Return the fields of an offset.

        Parameters
        ----------
        addr : int or array_like of int
            Offsets in the memory; the byte within a burst does not matter.

        Returns
        -------
        dict of str to int or numpy.ndarray of int64
            Values by field, in the shape of ``addr``.

        Raises
        ------
        ValueError
            When an offset is not below ``capacity_nbytes``.
        """
        array = _integers("addr", addr)
        _check("addr", array, self.capacity_nbytes)
        table = self._core.dram_decode(self._node, array.ravel() % self._slice_nbytes)
        rows = dict(zip(self._fields, table, strict=True))
        if "slice" in self.sizes:
            rows["slice"] = array.ravel() // self._slice_nbytes
        return {field: _like(rows[field], array.shape) for field in self.sizes}

    def __repr__(self) -> str:
        sizes = ", ".join(f"{field}: {count}" for field, count in self.sizes.items())
        return f"AddressMap({self.name!r}, {sizes})"


def _integers(name: str, values: Any) -> npt.NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu" and array.size:
        raise ValueError(f"{name}: expected integers, got {array.dtype}")
    if array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: expected at most 2**63 - 1, got {array.max()}")
    return array.astype(np.int64)


def _check(name: str, array: npt.NDArray[np.int64], size: int) -> None:
    if array.size and (int(array.min()) < 0 or int(array.max()) >= size):
        wrong = int(array.min()) if int(array.min()) < 0 else int(array.max())
        raise ValueError(f"{name}: expected 0 to {size - 1}, got {wrong}")


def _like(values: npt.NDArray[np.int64], shape: tuple[int, ...]) -> Any:
    return values.reshape(shape) if shape else int(values[0])
