"""Gradients between a view and its base."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernbench.autograd.node import Gradient, Input, Node
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["Geometry", "strided_gradient", "write_through"]


class Geometry:
    """Where a view's elements lie within its base."""

    __slots__ = ("base_shape", "base_strides", "offset", "shape", "strides")

    def __init__(self, base: Tensor, view: Tensor) -> None:
        self.base_shape, self.base_strides = base.shape, base.stride()
        self.shape, self.strides = view.shape, view.stride()
        self.offset = view.storage_offset() - base.storage_offset()

    def part(self, like_base: Tensor) -> Tensor:
        """Return the view's elements of a tensor that lies as the base does."""
        found: Tensor = call(
            "as_strided",
            like_base,
            self.shape,
            self.strides,
            like_base.storage_offset() + self.offset,
        )
        return found

    def like_base(self, grad: Tensor | None, like: Tensor) -> Tensor:
        """Return a new tensor that lies as the base does: of `grad`, or of zeros."""
        made: Tensor = call(
            "empty_strided",
            self.base_shape,
            self.base_strides,
            dtype=like.dtype,
            device=like.device,
        )
        return made.zero_() if grad is None else made.copy_(grad)  # type: ignore[no-any-return]

    def overlaps(self) -> bool:
        """Whether the view shows an element twice."""
        steps = sorted(
            (stride, size)
            for stride, size in zip(self.strides, self.shape, strict=True)
            if size > 1
        )
        reach = 0
        for stride, size in steps:
            if stride <= reach:
                return True
            reach += stride * (size - 1)
        return False


def strided_gradient(base: Tensor, view: Tensor) -> Gradient:
    """Return how a view's gradient becomes one of its base."""
    place = Geometry(base, view)

    def gradient(grad: Any) -> Any:
        whole = place.like_base(None, grad)
        if not place.overlaps():
            place.part(whole).copy_(grad)
            return whole
        # Each element of the base gets the sum of all that show it.
        flat = np.zeros(place.shape, np.int64) + place.offset
        for dim, stride in enumerate(place.strides):
            steps = np.arange(place.shape[dim]) * stride
            flat += steps.reshape([-1 if d == dim else 1 for d in range(flat.ndim)])
        index = call("tensor", flat.reshape(-1), device=grad.device)
        room = 1 + sum((n - 1) * s for n, s in zip(whole.shape, whole.stride(), strict=True))
        line = call("as_strided", whole, (room,), (1,), whole.storage_offset())
        line.index_add_(0, index, grad.reshape(-1))
        return whole

    return gradient


def write_through(base: Tensor, view: Tensor, node: Node) -> None:
    """Give `base` the history of an operation, `node`, that wrote to one of its views."""
    place = Geometry(base, view)
    through = Node("CopySlices")
    through.saved = node.saved
    inputs = [each for each in node.inputs if each.argument != 0]
    if base.requires_grad:
        inputs.insert(0, Input(base, 0, -1))
    through.inputs = inputs

    def to_base(grad: Any) -> Any:
        whole = place.like_base(grad, grad)
        part = place.part(whole)
        rule = node.gradients[0]
        found = None if rule is None else rule(part.clone())
        if found is None:
            part.zero_()
        else:
            part.copy_(found)
        return whole

    def to_other(argument: int) -> Gradient:
        def gradient(grad: Any) -> Any:
            rule = node.gradients[argument]
            assert rule is not None
            return rule(place.part(place.like_base(grad, grad)).clone())

        return gradient

    through.gradients = [to_base, *(to_other(i) for i in range(1, len(node.gradients)))]
    base._set_history(through, 0)
