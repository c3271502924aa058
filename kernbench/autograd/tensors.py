"""The operations of tensors that concern gradients: ``backward``, hooks, ``requires_grad_``."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from kernbench.autograd.backward import backward as run_backward
from kernbench.autograd.function import Function
from kernbench.autograd.node import AccumulateGrad, Removable, edge_of
from kernbench.runtime.dispatch import register
from kernbench.runtime.tensor import Tensor

__all__: list[str] = []


@register("backward", "composite")
def backward(
    self: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradients of this tensor to the leaves that it came from."""
    run_backward(self, gradient, retain_graph, create_graph, inputs=inputs)


@register("requires_grad_", "composite")
def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Say whether gradients of this leaf are wanted."""
    if requires_grad and self._dtype.is_integral:
        raise RuntimeError("only Tensors of floating point dtype can require gradients")
    self.requires_grad = requires_grad
    return self


@register("detach_", "composite")
def detach_(self: Tensor) -> Tensor:
    """Forget where this tensor came from."""
    if self._base is not None:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using "
            "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is set as "
            "True, gradients are views of DDP buckets, and hence detach_() cannot be called on "
            "these gradients."
        )
    self._forget_history()
    return self


@register("retain_grad", "composite")
def retain_grad(self: Tensor) -> None:
    """Let ``backward`` leave this tensor's gradient in ``grad``, though it is no leaf."""
    if not self.requires_grad:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if self.grad_fn is None or self.retains_grad:
        return
    node, index = edge_of(self)
    held = weakref.ref(self)

    def keep(grad: Any) -> None:
        tensor = held()
        if tensor is not None:
            tensor.grad = grad if tensor.grad is None else tensor.grad + grad

    node.retained[index] = keep
    self.retains_grad = True


@register("register_hook", "composite")
def register_hook(self: Tensor, hook: Callable[[Any], Any]) -> Any:
    """Call ``hook(grad)`` when this tensor's gradient is known; what it returns takes its place."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    node, index = edge_of(self)
    if isinstance(node, AccumulateGrad):
        self._hook_node = node  # a leaf's node lives as long as its hooks
    return node.add_result_hook(index, hook)


@register("register_post_accumulate_grad_hook", "composite")
def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Any], None]) -> Any:
    """Call ``hook(tensor)`` each time that ``backward`` has added to a leaf's ``grad``."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self.grad_fn is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return Removable(self.__dict__.setdefault("_post_hooks", []), hook)


class BackwardHookFunction(Function):
    """Gives back what it gets: gradients that pass here are those of this way alone."""

    @staticmethod
    def forward(*tensors: Any) -> Any:
        """Return the tensors."""
        return tensors

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep nothing."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Return the gradients."""
        return grads


register("isolated", "composite")(BackwardHookFunction.apply)
