"""Whether operations are recorded: ``no_grad``, ``enable_grad``, ``inference_mode``.

The mode belongs to the rank (API: per-(context, rank) state).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kernbench.runtime.rank import RankVar

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]


class Mode:
    """What one rank's operations do.

    Attributes
    ----------
    enabled : bool
        Operations on tensors that require gradients are recorded.
    inference : bool
        Within ``inference_mode``.
    n_saved : int
        Tensors that derivatives were to have, so far.
    on_save : callable or None
        Told of each from now on.
    """

    __slots__ = ("enabled", "inference", "n_saved", "on_save")

    def __init__(self) -> None:
        self.enabled = True
        self.inference = False
        self.n_saved = 0
        self.on_save: Callable[[Any], None] | None = None


MODE: RankVar[Mode] = RankVar("grad mode", lambda rank: Mode())


def is_grad_enabled() -> bool:
    """Whether operations are recorded."""
    return MODE.get().enabled


def is_inference_mode_enabled() -> bool:
    """Whether the caller is within ``inference_mode``."""
    return MODE.get().inference


class _Setting:
    """A context manager and decorator that sets the mode and puts it back."""

    _enabled: bool
    _inference: bool | None = None

    def __new__(cls, function: Any = None) -> Any:
        made = super().__new__(cls)
        if callable(function):  # @torch.no_grad, without a call
            return made(function)
        return made

    def __enter__(self) -> None:
        mode = MODE.get()
        self._before = mode.enabled, mode.inference
        mode.enabled = self._enabled
        if self._inference is not None:
            mode.inference = self._inference

    def __exit__(self, *exception: Any) -> None:
        mode = MODE.get()
        mode.enabled, mode.inference = self._before

    def _again(self) -> Any:
        return type(self)()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return wrapped


class no_grad(_Setting):  # torch's name
    """Record nothing.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _enabled = False


class enable_grad(_Setting):
    """Record, within ``no_grad``."""

    _enabled = True


class set_grad_enabled(_Setting):
    """Record or not, from now on, or within a ``with`` block."""

    def __new__(cls, mode: bool) -> Any:  # noqa: D102 - the class says it
        return object.__new__(cls)

    def __init__(self, mode: bool) -> None:
        self._enabled = bool(mode)
        held = MODE.get()
        self._before = held.enabled, held.inference
        held.enabled = self._enabled

    def __enter__(self) -> None:
        MODE.get().enabled = self._enabled

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:  # noqa: D102
        MODE.get().enabled = self._before[0]  # as a decorator it sets nothing now
        return super().__call__(function)

    def _again(self) -> Any:
        return type(self)(self._enabled)


class inference_mode(_Setting):
    """Record nothing; here the same as ``no_grad``."""

    _enabled = False
    _inference = True

    def __new__(cls, mode: Any = True) -> Any:  # noqa: D102 - the class says it
        made = object.__new__(cls)
        return made(mode) if callable(mode) else made

    def __init__(self, mode: bool = True) -> None:
        if not mode:
            self._enabled, self._inference = True, False

    def _again(self) -> Any:
        return type(self)(bool(self._inference))
