"""Mixed precision and compilation: what scripts wrap their functions in, and that changes nothing.

Nothing here converts dtypes behind a script's back: ``autocast`` that is switched on is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

__all__ = [
    "GradScaler",
    "autocast",
    "compile",
    "custom_bwd",
    "custom_fwd",
    "is_autocast_enabled",
]


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str = "cuda", cast_inputs: Any = None
) -> Any:
    """Return the forward function of an ``autograd.Function`` as it is.

    Raises
    ------
    NotImplementedError
        For ``cast_inputs``, which only means something under autocast.
    """
    if cast_inputs is not None:
        raise NotImplementedError("kernbench: torch.amp.custom_fwd with cast_inputs")
    return (lambda function: function) if fwd is None else fwd


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str = "cuda") -> Any:
    """Return the backward function of an ``autograd.Function`` as it is."""
    return (lambda function: function) if bwd is None else bwd


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Return False."""
    return False


class autocast:
    """A block, or a function, in which nothing is cast.

    Raises
    ------
    NotImplementedError
        When it is switched on.
    """

    def __init__(
        self,
        device_type: str = "cuda",
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if enabled:
            raise NotImplementedError(
                "kernbench: torch.autocast(enabled=True) is not implemented; cast tensors and "
                "modules by .to(dtype)"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is."""
        return function


class GradScaler:
    """Scales no gradient: what a script has that switches mixed precision off.

    Raises
    ------
    NotImplementedError
        When it is switched on.

    Examples
    --------
    >>> scaler = GradScaler("cuda", enabled=False)
    >>> scaler.scale(3.0), scaler.get_scale(), scaler.is_enabled()
    (3.0, 1.0, False)
    """

    def __init__(self, device: str = "cuda", *options: Any, enabled: bool = True, **more: Any):
        if enabled:
            raise NotImplementedError(
                "kernbench: torch.amp.GradScaler(enabled=True) is not implemented; gradients of "
                "bfloat16 need no scale, those of float16 a factor in the loss"
            )

    def scale(self, outputs: Any) -> Any:
        """Return losses as they are."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Leave gradients as they are."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Let the optimizer step."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Do nothing."""

    def get_scale(self) -> float:
        """Return 1."""
        return 1.0

    def is_enabled(self) -> bool:
        """Return False."""
        return False

    def state_dict(self) -> dict[str, Any]:
        """Return nothing."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take nothing."""


def compile(model: Any = None, **options: Any) -> Any:
    """Return the function or module as it is: every operation is a launch, compiled or not."""
    return (lambda function: function) if model is None else model
