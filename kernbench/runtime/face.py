"""How a context comes by the names of torch's face, which stands above it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

__all__ = ["face_name", "set_face"]


class _Seam:
    """What the layer above sets: the module that holds the names."""

    load: Callable[[], Any] | None = None


def set_face(load: Callable[[], Any]) -> None:
    """Say how to load the module whose names contexts carry."""
    _Seam.load = load


def face_name(name: str) -> Any:
    """Return what torch's face has under `name`, for ``ctx.name``.

    Functions that make tensors put them on the running rank's SIP unless told.

    Raises
    ------
    AttributeError
        When there is no face, or it has no such name.
    """
    if _Seam.load is None:
        raise AttributeError(f"Context has no attribute {name!r}")
    face = _Seam.load()
    found = getattr(face, name)
    if name in face.FACTORIES:
        return _on_machine(found)
    return found


def _on_machine(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("device") is None:
            kwargs["device"] = "cuda"
        return function(*args, **kwargs)

    return made
