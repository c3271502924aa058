"""``torch.save`` and ``torch.load``: pickles of tensors and what holds them.

Differs from torch: the files are kernbench's own; neither reads the other's.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from typing import Any, BinaryIO

from kernbench.runtime.tensor import Tensor, unpickled

__all__ = ["load", "save"]


def save(obj: Any, f: str | os.PathLike[str] | BinaryIO, **options: Any) -> None:
    """Write an object, its tensors' values included, to a file: a host read of each.

    The other options of torch's are accepted and change nothing.
    """
    if isinstance(f, (str, os.PathLike)):
        with open(f, "wb") as file:
            pickle.dump(obj, file, protocol=4)
    else:
        pickle.dump(obj, f, protocol=4)


def load(f: str | os.PathLike[str] | BinaryIO, map_location: Any = None, **options: Any) -> Any:
    """Read an object from a file that :func:`save` wrote; only from files that you trust.

    Parameters
    ----------
    f : path or binary file
        Where from.
    map_location : device, str, mapping, callable or None
        Where all tensors go; or, by name of the device where they were, where those of it go; or a
        function of a host tensor and that name which returns a tensor of the device to go to, or
        None.  Where they were unless told.
    **options
        torch's others, `weights_only` among them: accepted; they change nothing.

    Examples
    --------
    >>> import io
    >>> import kernbench.torch as torch
    >>> file = io.BytesIO()
    >>> torch.save({"step": 3, "x": torch.ones(2)}, file)
    >>> torch.load(io.BytesIO(file.getvalue()), map_location={"cuda:0": "cpu"})
    {'step': 3, 'x': tensor([1., 1.])}
    """
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _Reader(file, map_location).load()
    return _Reader(f, map_location).load()


class _Reader(pickle.Unpickler):
    """Reads pickles, and puts each tensor where it is to go, at once."""

    def __init__(self, file: BinaryIO, map_location: Any) -> None:
        super().__init__(file)
        self.map_location = map_location

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return self.tensor if found is unpickled else found

    def tensor(self, kind: str, shape: Any, raw: bytes, where: str, *more: Any) -> Tensor:
        return unpickled(kind, shape, raw, lambda host: self.place(host, where), *more)

    def place(self, host: Tensor, where: str) -> Any:
        """Return the device for a tensor that was at `where`, and is at the host now."""
        wanted = self.map_location
        if wanted is None:
            return where
        if isinstance(wanted, Mapping):
            return wanted.get(where, where)
        if callable(wanted):
            there = wanted(host, where)
            return where if there is None else there.device
        return wanted
