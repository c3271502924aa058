"""Hooks of modules: what is called around ``forward``, and around backward through it."""

from __future__ import annotations

import itertools
import warnings
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

if TYPE_CHECKING:
    from kernbench.runtime.nn.module import Module

__all__ = ["Handle", "Hooks", "run"]


class Hooks(OrderedDict[int, Any]):
    """Hooks of one kind, in the order in which they are called."""

    def add(self, hook: Any, prepend: bool = False) -> Handle:
        """Add one at the end, or before all others."""
        handle = Handle(self)
        self[handle.id] = hook
        if prepend:
            self.move_to_end(handle.id, last=False)
        return handle


class Handle:
    """What registering a hook returns: it can be taken back."""

    _numbers = itertools.count()

    def __init__(self, hooks: Hooks) -> None:
        self.id = next(self._numbers)
        self._hooks = hooks

    def remove(self) -> None:
        """Take the hook back."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def run(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a module's hooks, and its ``forward`` between them."""
    for before, with_kwargs in list(module._forward_pre_hooks.values()):
        if with_kwargs:
            changed = before(module, args, kwargs)
            if changed is not None:
                args, kwargs = changed
            continue
        changed = before(module, args)
        if changed is not None:
            args = changed if isinstance(changed, tuple) else (changed,)
    around = None
    if module._backward_hooks or module._backward_pre_hooks:
        around = _Around(module)
        args = around.isolate_inputs(args)
    left = list(module._forward_hooks.values())
    try:
        result = module.forward(*args, **kwargs)
        while left:
            after, with_kwargs, _ = left.pop(0)
            changed = after(module, args, *((kwargs,) if with_kwargs else ()), result)
            result = result if changed is None else changed
    except Exception:
        for after, with_kwargs, always in left:
            if always:
                after(module, args, *((kwargs,) if with_kwargs else ()), None)
        raise
    return result if around is None else around.isolate_outputs(result)


class _Around:
    """Backward through one call of a module: it begins at its outputs, and ends at its inputs.

    Both go through operations that give back what they get, whose gradients are therefore those of
    this call alone, wherever else the tensors are used.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.pre_hooks = list(module._backward_pre_hooks.values())
        self.hooks = list(module._backward_hooks.values())
        self.args: tuple[Any, ...] = ()
        self.places: list[int] | None = None  # of inputs that require gradients' tensors
        self.grad_outputs: tuple[Any, ...] | None = None

    def isolate_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments to call with."""
        self.args = args
        args, self.places, node = _isolated(args)
        if node is not None:
            node.register_hook(self._at_inputs)
        return args

    def isolate_outputs(self, result: Any) -> Any:
        """Return the result to give."""
        several = isinstance(result, tuple)
        given = result if several else (result,)
        outputs, places, node = _isolated(given)
        if node is None:
            return result
        node.register_prehook(
            lambda grads: self._at_outputs(_spread(grads, places, given), places or [])
        )
        return outputs if several else outputs[0]

    def _at_outputs(self, grads: tuple[Any, ...], places: list[int]) -> tuple[Any, ...] | None:
        changed = None
        for hook in self.pre_hooks:
            found = hook(self.module, grads)
            if found is None:
                continue
            found = found if isinstance(found, tuple) else (found,)
            if len(found) != len(grads):
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, got "
                    f"{len(found)}, but expected {len(grads)}"
                )
            changed = grads = found
        self.grad_outputs = grads
        if self.places is None and self.hooks:
            self._without_inputs(grads)
        return None if changed is None else tuple(changed[place] for place in places)

    def _without_inputs(self, grads: tuple[Any, ...]) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs require gradients.",
            stacklevel=2,
        )
        for hook in self.hooks:
            found = hook(self.module, (None,) * len(self.args), grads)
            if found is not None and any(each is not None for each in found):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_outputs = None

    def _at_inputs(self, grads: tuple[Any, ...], _: Any) -> tuple[Any, ...] | None:
        if self.grad_outputs is None or self.places is None:
            return None
        result = tuple(
            call("zeros_like", arg) if grad is None and isinstance(arg, Tensor) else grad
            for grad, arg in zip(_spread(grads, self.places, self.args), self.args, strict=True)
        )
        for hook in self.hooks:
            found = hook(self.module, result, self.grad_outputs)
            if found is None:
                continue
            found = found if isinstance(found, tuple) else (found,)
            if len(found) != len(result):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, got "
                    f"{len(found)}, but expected {len(result)}"
                )
            result = found
        self.grad_outputs = None
        return tuple(result[place] for place in self.places)


def _spread(
    grads: tuple[Any, ...], places: list[int] | None, values: tuple[Any, ...]
) -> tuple[Any, ...]:
    """Return gradients where their tensors stood, and None elsewhere."""
    at = dict(zip(places or (), grads, strict=True))
    return tuple(at.get(place) for place in range(len(values)))


def _isolated(values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int] | None, Any]:
    """Return the values behind one operation, which of them require gradients, and its node."""
    places = [i for i, each in enumerate(values) if isinstance(each, Tensor) and each.requires_grad]
    if not places:
        return values, None, None
    made = call("isolated", *(values[place] for place in places))
    if made[0].grad_fn is None:  # nothing is recorded
        return values, None, None
    replaced = list(values)
    for place, tensor in zip(places, made, strict=True):
        replaced[place] = tensor
    return tuple(replaced), places, made[0].grad_fn
