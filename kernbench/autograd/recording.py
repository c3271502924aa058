"""What every call of an operation goes through once gradients may be asked for.

An operation of the table is recorded when one of its tensors requires gradients and the mode says
so; its rule (:mod:`kernbench.autograd.rules`) then says how gradients go back.  Composites are not
recorded: the operations that they call are.  Views remember their base, so that writing to a view
changes the history of the base and of its other views, as in torch.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

from kernbench.autograd.modes import MODE
from kernbench.autograd.node import Gradient, Input, Node, Saved, edge_of
from kernbench.autograd.views import strided_gradient, write_through
from kernbench.runtime.dispatch import Op
from kernbench.runtime.tensor import Tensor

__all__ = ["RULES", "intercept", "record", "rule"]

Rule = Callable[..., Sequence[Gradient | None] | None]
RULES: dict[str, Rule] = {}
"""By operation: ``rule(save, result, *args, **kwargs)`` returns, for each positional argument, how
its gradient follows from the result's; None where there is none."""

DETACHED = frozenset({"detach", "data", "requires_grad_", "detach_"})
WHOLE = frozenset({"max", "min"})
"""Composites with a rule of their own: where several elements are greatest, the gradient goes to
the one whose place the operation told."""


OLD_VALUES: dict[str, str] = {}
"""For operations in place: whose gradient needs what the tensor held before, ``"self"`` or
``"other"``: then that is copied first."""


def rule(*names: str, old_values: Literal["", "self", "other"] = "") -> Callable[[Rule], Rule]:
    """Enter the rule of some operations."""

    def enter(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
            OLD_VALUES[name] = old_values
        return function

    return enter


def _requiring(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    for each in args:
        if isinstance(each, Tensor):
            if each.requires_grad:
                return True
        elif type(each) in (list, tuple) and any(
            isinstance(item, Tensor) and item.requires_grad for item in each
        ):
            return True
    return bool(kwargs) and any(
        isinstance(each, Tensor) and each.requires_grad for each in kwargs.values()
    )


def intercept(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Do an operation, and record it if it is to be."""
    if op.name in DETACHED or (op.kind == "composite" and op.name not in WHOLE):
        return op.function(*args, **kwargs)
    mode = MODE.get()
    wanted = mode.enabled and _requiring(args, kwargs)
    if op.kind == "inplace":
        return _inplace(op, args, kwargs, wanted)
    result = _recorded(op, args, kwargs) if wanted else op.function(*args, **kwargs)
    if op.kind == "view" and isinstance(result, Tensor) and result is not args[0]:
        source = args[0]
        result._base = source if source._base is None else source._base
        result._base_history = result._base._history
    return result


def _silently(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an operation; what it calls to do its work is not recorded."""
    mode = MODE.get()
    before, mode.enabled = mode.enabled, False
    try:
        return op.function(*args, **kwargs)
    finally:
        mode.enabled = before


def _recorded(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if kwargs.get("out") is not None:
        raise RuntimeError(
            f"{op.name}(): functions with out=... arguments don't support automatic "
            "differentiation, but one of the arguments requires grad."
        )
    kwargs.pop("out", None)
    args, kwargs = _positional(op, args, kwargs)
    refresh(args)
    result = _silently(op, args, kwargs)
    results = result if isinstance(result, (tuple, list)) else (result,)
    if any(result is each for each in args):
        return result  # nothing was done: contiguous() of what is, to() where it lies
    record(op.name, args, kwargs, results, result)
    return result


def _positional(
    op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Turn tensors given by name into positional arguments, which rules answer for."""
    if not any(isinstance(each, Tensor) for each in kwargs.values()):
        return args, kwargs
    bound = inspect.signature(op.function).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args, {name: each for name, each in bound.kwargs.items() if name != "out"}


def refresh(args: Sequence[Any]) -> None:
    """Give views whose base was written to the history that the base has now."""
    for each in args:
        if isinstance(each, Tensor) and each._base is not None:
            base = each._base
            if each._base_history != base._history:
                _rejoin(each, base)


def _rejoin(view: Tensor, base: Tensor) -> None:
    node = Node("AsStridedBackward0")
    node.gradients = (strided_gradient(base, view),)
    node.inputs = [Input(base, 0, -1)]
    view._set_history(node, 0)
    view._base_history = base._history


def record(
    name: str,
    args: Sequence[Any],
    kwargs: dict[str, Any],
    results: Sequence[Any],
    result: Any,
    versions: dict[int, int] | None = None,
) -> Node | None:
    """Make the node of an operation that was done, and give its results that history.

    `versions` are those that the arguments had before, where the operation wrote to one.
    """
    outputs = [
        (place, each)
        for place, each in enumerate(results)
        if isinstance(each, Tensor) and (each.is_floating_point() or each.is_complex())
    ]
    if not outputs:
        return None
    title = "".join(part.capitalize() for part in name.rstrip("_").split("_"))
    node = Node(f"{title}Backward0", len(results))

    def save(tensor: Any) -> Callable[[], Any]:
        if not isinstance(tensor, Tensor):
            return lambda: tensor
        index = next((place for place, each in outputs if each is tensor), -1)
        version = tensor._version if versions is None else versions.get(id(tensor), tensor._version)
        kept = Saved(tensor, node, version, index)
        node.saved.append(kept)
        return kept

    found = RULES.get(name) or RULES.get(name.rstrip("_"))
    gradients = None if found is None else found(save, result, *args, **kwargs)
    if found is None:
        gradients = [_missing(name)] * len(args)
    if gradients is None:
        return None  # not differentiable: the results require nothing
    node.gradients = gradients
    node.inputs = _inputs(args, gradients)
    if not node.inputs:
        return None
    for place, each in outputs:
        each._set_history(node, place)
    return node


def _missing(name: str) -> Gradient:
    def gradient(grad: Any) -> Any:
        raise NotImplementedError(f"kernbench: the derivative of torch.{name} is not implemented")

    return gradient


def _inputs(args: Sequence[Any], gradients: Sequence[Any]) -> list[Input]:
    found = []
    for argument, each in enumerate(args[: len(gradients)]):
        if gradients[argument] is None:
            continue
        if isinstance(each, Tensor):
            if each.requires_grad:
                found.append(Input(each, argument, -1))
        elif type(each) in (list, tuple):
            for place, item in enumerate(each):
                if isinstance(item, Tensor) and item.requires_grad:
                    found.append(Input(item, argument, place))
    return found


def _before(op: Op, args: tuple[Any, ...]) -> Tensor:
    """Return what an operation in place will find: a copy where a gradient needs it."""
    target: Tensor = args[0]
    needs = OLD_VALUES.get(op.name.rstrip("_"), "")
    others = any(isinstance(each, Tensor) and each.requires_grad for each in args[1:])
    if (needs and others) or (needs == "self" and target.requires_grad):
        mode = MODE.get()
        mode.enabled = False
        try:
            return target.clone()  # type: ignore[no-any-return]
        finally:
            mode.enabled = True
    return target._bare_view()  # whoever saves that finds it changed


def _inplace(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any], wanted: bool) -> Any:
    target = args[0]
    if not wanted:
        return op.function(*args, **kwargs)
    base = target._base
    owner = target if base is None else base
    if owner.requires_grad and owner.grad_fn is None:
        is_leaf = base is None and op.name != "setitem_"
        which = "a leaf Variable" if is_leaf else "a view of a leaf Variable"
        raise RuntimeError(f"{which} that requires grad is being used in an in-place operation.")
    args, kwargs = _positional(op, args, kwargs)
    refresh(args)
    before = _before(op, args)
    if target.requires_grad:
        before._set_history(*edge_of(target))
    given = tuple(before if each is target else each for each in args)
    versions = {id(each): each._version for each in given if isinstance(each, Tensor)}
    result = _silently(op, args, kwargs)
    node = record(op.name, given, kwargs, (target,), target, versions)
    if node is None:
        return result
    owner._history += 1
    if base is not None:
        write_through(base, target, node)
        _rejoin(target, base)
    return result
