"""``torch.save`` and ``torch.load``: pickles of tensors and what holds them.

Differs from torch: the files are kernbench's own; neither reads the other's.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from typing import Any, BinaryIO

from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["load", "save"]


def save(obj: Any, f: str | os.PathLike[str] | BinaryIO, **options: Any) -> None:
    """Write an object, its tensors' values included, to a file: a host read of each."""
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
    map_location : device, str or None
        Where all tensors go; where they were unless told.
    """
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            found = pickle.load(file)
    else:
        found = pickle.load(f)
    if map_location is None or callable(map_location) or isinstance(map_location, Mapping):
        return found
    return _moved(found, map_location)


def _moved(found: Any, where: Any) -> Any:
    if isinstance(found, Tensor):
        return call("to", found, where)
    if isinstance(found, dict):
        return type(found)((key, _moved(value, where)) for key, value in found.items())
    if isinstance(found, (list, tuple)) and not hasattr(found, "_fields"):
        return type(found)(_moved(each, where) for each in found)
    return found
