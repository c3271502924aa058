"""``autograd.Function``: operations whose derivative the user writes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kernbench.autograd.modes import MODE
from kernbench.autograd.node import Input, Node, Saved
from kernbench.autograd.recording import refresh
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What ``forward`` leaves for ``backward``."""

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._to_save: tuple[Any, ...] = ()
        self._saved: list[Saved | None] = []
        self._dirty: tuple[Tensor, ...] = ()
        self._constant: tuple[Tensor, ...] = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep inputs or results for ``backward``."""
        for each in tensors:
            if each is not None and not isinstance(each, Tensor):
                raise TypeError(
                    "save_for_backward can only save variables, but argument is of type "
                    f"{type(each).__name__}"
                )
        self._to_save = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was kept.

        Raises
        ------
        RuntimeError
            In a second backward through a graph that was not retained, or when a kept tensor was
            written to.
        """
        return tuple(None if each is None else each() for each in self._saved)

    saved_variables = saved_tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs ``forward`` wrote to."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which results have no gradient."""
        self._constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` gets zeros, or None, for results that were not used."""
        self._materialize = value


class _Meta(type):
    """Gives each function a ``_backward_cls`` name, as torch shows it."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            f"{cls.__name__} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself."
        )


class Function(metaclass=_Meta):
    """An operation with a derivative of its own.

    Subclasses have static methods ``forward(ctx, *args)`` and ``backward(ctx, *grads)``, or
    ``forward(*args)``, ``setup_context(ctx, inputs, output)`` and ``backward``; ``apply`` does it.

    Examples
    --------
    >>> import kernbench.torch as torch
    >>> class Double(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         return grad * 2
    >>> x = torch.ones(2, requires_grad=True)
    >>> Double.apply(x).sum().backward()
    >>> x.grad
    tensor([2., 2.])
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the results."""
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Keep what ``backward`` needs, where ``forward`` takes no ``ctx``."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Return a gradient, or None, for each argument of ``forward``."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Do the operation, and record it."""
        mode = MODE.get()
        refresh(args)
        needs = tuple(isinstance(each, Tensor) and each.requires_grad for each in args)
        ctx = FunctionCtx()
        ctx.needs_input_grad = needs
        apart = cls.setup_context is not Function.setup_context
        before, mode.enabled = mode.enabled, False
        try:
            result = cls.forward(*args, **kwargs) if apart else cls.forward(ctx, *args, **kwargs)
            if apart:
                cls.setup_context(ctx, args, result)
        finally:
            mode.enabled = before
        many = isinstance(result, (tuple, list))
        results = list(result) if many else [result]
        recording = before and any(needs)
        results = [_own(each, args, ctx, recording) for each in results]
        if recording:
            _record(cls, ctx, args, needs, results)
        return tuple(results) if many else results[0]


def _own(result: Any, args: tuple[Any, ...], ctx: FunctionCtx, recording: bool) -> Any:
    """Give a result that is an input, unchanged, a tensor of its own."""
    if not isinstance(result, Tensor) or not recording:
        return result
    is_input = any(result is each for each in args)
    is_dirty = any(result is each for each in ctx._dirty)
    return result._bare_view() if is_input and not is_dirty else result


def _record(
    cls: Any, ctx: FunctionCtx, args: tuple[Any, ...], needs: tuple[bool, ...], results: list[Any]
) -> None:
    node = Node(f"{cls.__name__}Backward", len(results))
    outputs = {
        place: each
        for place, each in enumerate(results)
        if isinstance(each, Tensor)
        and (each.is_floating_point() or each.is_complex())
        and not any(each is constant for constant in ctx._constant)
    }
    for each in ctx._dirty:
        if each.requires_grad and each.grad_fn is None:
            raise RuntimeError(
                "a leaf Variable that requires grad is being used in an in-place operation."
            )
    for each in ctx._to_save:
        if each is None:
            ctx._saved.append(None)
            continue
        index = next((place for place, one in outputs.items() if one is each), -1)
        kept = Saved(each, node, each._version, index)
        ctx._saved.append(kept)
        node.saved.append(kept)
    templates: list[Any] = [None] * len(results)
    if len(results) > 1 and ctx._materialize:
        templates = [each._bare_view() if isinstance(each, Tensor) else None for each in results]
    latest = _Latest(lambda grads: _call_backward(cls, ctx, _filled(grads, templates), len(args)))
    node.saved.append(latest)
    node.gradients = [functools.partial(latest.gradient, argument) for argument in range(len(args))]
    node.inputs = [Input(each, place, -1) for place, each in enumerate(args) if needs[place]]
    for each in ctx._dirty:
        each._history += 1
    for place, each in outputs.items():
        each._set_history(node, place)


class _Latest:
    """``backward`` gives all gradients at once: it runs for the first that is asked for."""

    def __init__(self, function: Callable[[list[Any]], list[Any]]) -> None:
        self._function = function
        self._grads: list[Any] | None = None
        self._found: list[Any] = []

    def gradient(self, argument: int, grads: Any) -> Any:
        """Return the gradient of an argument."""
        given = grads if isinstance(grads, list) else [grads]
        held = self._grads
        if held is None or any(a is not b for a, b in zip(held, given, strict=True)):
            self._grads, self._found = given, self._function(given)
        return self._found[argument]

    def release(self) -> None:
        """Let go of the last gradients."""
        self._grads, self._found = None, []


def _filled(grads: list[Any], templates: list[Any]) -> list[Any]:
    """Return the gradients with zeros for results that were not used, where they are asked for."""
    return [
        call("zeros_like", template) if grad is None and template is not None else grad
        for grad, template in zip(grads, templates, strict=True)
    ]


def _call_backward(cls: Any, ctx: FunctionCtx, grads: list[Any], n_args: int) -> list[Any]:
    function = getattr(cls, "vjp", None) or cls.backward
    found = function(ctx, *grads)
    found = list(found) if isinstance(found, (tuple, list)) else [found]
    while len(found) > n_args and found[-1] is None:
        found.pop()
    if len(found) != n_args:
        raise RuntimeError(
            f"function {cls.__name__}Backward returned an incorrect number of gradients (expected "
            f"{n_args}, got {len(found)})"
        )
    for place, each in enumerate(found):
        if each is not None and not isinstance(each, Tensor):
            raise TypeError(
                f"{cls.__name__}Backward: expected a Tensor or None as gradient {place}, got "
                f"{type(each).__name__}"
            )
    return found


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Say that a ``backward`` cannot be differentiated itself."""

    @functools.wraps(function)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        mode = MODE.get()
        before, mode.enabled = mode.enabled, False
        try:
            return function(ctx, *grads)
        finally:
            mode.enabled = before

    return wrapped
