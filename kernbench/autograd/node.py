"""The recorded graph: one node for each operation, one edge for each tensor that it took.

    leaf <─ AccumulateGrad <─┐
                             ├─ node <─ node <─ result.grad_fn
    other result <─ node <───┘

Nodes are numbered as they are made, so a node's inputs always have smaller numbers: running
backward in falling order needs no other sorting.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from kernbench.autograd.modes import MODE
from kernbench.runtime.tensor import Tensor

__all__ = ["AccumulateGrad", "Input", "Node", "Saved", "edge_of"]

Gradient = Callable[[Any], Any]
_numbers = itertools.count()


class Saved:
    """A tensor that a derivative needs, as it was when it was saved.

    Calling it returns the tensor.  Its number counts those of its rank.

    Raises
    ------
    RuntimeError
        When it was let go by an earlier backward, or has been written to since.
    """

    __slots__ = ("_again", "_index", "_metadata", "_node", "_tensor", "_version", "number")

    def __init__(self, tensor: Tensor, node: Node, version: int, index: int = -1) -> None:
        # A result is kept without its history, which would be a circle through this node.
        self._tensor: Tensor | None = tensor if index < 0 else tensor._bare_view()
        self._version = version
        self._node = weakref.ref(node)
        self._index = index
        self._again: Callable[[], None] | None = None
        self._metadata: dict[str, Any] = {}
        mode = MODE.get()
        mode.n_saved += 1
        self.number = mode.n_saved
        if mode.on_save is not None:
            mode.on_save(self)

    def __call__(self) -> Tensor:  # noqa: D102 - the class says it
        if self._tensor is None and self._again is not None:
            self._again()
        tensor = self._tensor
        if tensor is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved "
                "tensors after they have already been freed). Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if "
                "you need to access saved tensors after calling backward."
            )
        if tensor._version != self._version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: [{tensor.type()} {list(tensor.shape)}] is at version "
                f"{tensor._version}; expected version {self._version} instead. Hint: the operation "
                "that follows the forward pass must not change it; clone it first."
            )
        if self._index < 0:
            return tensor
        made = tensor._bare_view()
        node = self._node()
        if node is not None:
            made._set_history(node, self._index)
        return made

    def release(self) -> None:
        """Let the tensor go."""
        self._tensor = self._again = None

    def drop(self, again: Callable[[], None]) -> None:
        """Let the tensor go until it is needed; `again` then gives another one by `take`."""
        self._metadata = self.metadata
        self._tensor, self._again = None, again

    @property
    def metadata(self) -> dict[str, Any]:
        """What the tensor is, or was when it was let go."""
        if (tensor := self._tensor) is None:
            return self._metadata
        return {"shape": tensor.shape, "dtype": tensor.dtype, "device": tensor.device}

    def take(self, other: Saved) -> None:
        """Have what was saved elsewhere, unless this is not needed any more."""
        if self._again is None:
            return
        if other._tensor is None and other._again is not None:
            other._again()
        self._tensor, self._version = other._tensor, other._version


class Input:
    """One tensor that a node took: where its gradient goes, and what shape it must have."""

    __slots__ = ("argument", "device", "dtype", "index", "node", "place", "shape")

    def __init__(self, tensor: Tensor, argument: int, place: int) -> None:
        self.node, self.index = edge_of(tensor)
        self.argument = argument
        """Which positional argument it was, and"""
        self.place = place
        """where in that, for lists; -1 for a tensor itself."""
        self.shape = tensor.shape
        self.dtype = tensor.dtype
        self.device = tensor.device


class Node:
    """One recorded operation.

    Attributes
    ----------
    sequence : int
        Counted over all nodes.
    gradients : sequence of callable or None
        For each positional argument, from the gradient of the result (a list of them, where the
        operation has several results) to that of the argument.
    inputs : list of Input
        What it took that requires gradients.
    """

    __slots__ = (
        "__weakref__",
        "_hooks",
        "_name",
        "_prehooks",
        "gradients",
        "inputs",
        "metadata",
        "n_results",
        "result_hooks",
        "retained",
        "saved",
        "sequence",
    )

    def __init__(self, name: str, n_results: int = 1) -> None:
        self.sequence = next(_numbers)
        self._name = name
        self.n_results = n_results
        self.gradients: Sequence[Gradient | None] = ()
        self.inputs: list[Input] = []
        self.saved: list[Any] = []  # what `release` lets go of
        self.metadata: dict[str, Any] = {}
        self.result_hooks: dict[int, list[Callable[[Any], Any]]] = {}
        self.retained: dict[int, Any] = {}
        self._hooks: list[Any] = []
        self._prehooks: list[Any] = []

    def name(self) -> str:
        """Return what torch calls such a node: ``MulBackward0``."""
        return self._name

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes of its inputs, and which of their results each was."""
        return tuple((each.node, each.index) for each in self.inputs)

    def register_hook(self, hook: Callable[[Any, Any], Any]) -> Any:
        """Call ``hook(grad_inputs, grad_outputs)`` when its gradients are computed."""
        return Removable(self._hooks, hook)

    def register_prehook(self, hook: Callable[[Any], Any]) -> Any:
        """Call ``hook(grad_outputs)`` before that."""
        return Removable(self._prehooks, hook)

    def add_result_hook(self, index: int, hook: Callable[[Any], Any]) -> Any:
        """Call ``hook(grad)`` on the gradient of a result, which it may replace."""
        return Removable(self.result_hooks.setdefault(index, []), hook)

    def release(self) -> None:
        """Let go of what was saved for the derivatives."""
        for each in self.saved:
            each.release()

    def apply(self, grads: list[Any]) -> list[tuple[Input, Any]]:
        """Return the gradient for each input."""
        for prehook in self._prehooks:
            changed = prehook(tuple(grads))
            if changed is not None:
                grads = list(changed)
        given = grads[0] if self.n_results == 1 else grads
        found: list[tuple[Input, Any]] = []
        computed: dict[int, Any] = {}
        for each in self.inputs:
            if each.argument not in computed:
                rule = self.gradients[each.argument]
                computed[each.argument] = None if rule is None else rule(given)
            whole = computed[each.argument]
            found.append((each, whole if each.place < 0 or whole is None else whole[each.place]))
        for hook in self._hooks:
            changed = hook(tuple(grad for _, grad in found), tuple(grads))
            if changed is not None:
                found = [(each, grad) for (each, _), grad in zip(found, changed, strict=True)]
        return found

    def __repr__(self) -> str:
        return f"<{self._name} object at {id(self):#x}>"


class AccumulateGrad(Node):
    """The end of the graph at a leaf: adds to its ``grad``."""

    __slots__ = ("variable",)

    def __init__(self, variable: Tensor) -> None:
        super().__init__("AccumulateGrad")
        self.sequence = -1 - self.sequence  # older than whatever took the leaf
        self.variable = variable


class Removable:
    """What registering a hook returns."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks, self._hook = hooks, hook
        hooks.append(hook)

    def remove(self) -> None:
        """Take the hook out; a second time does nothing."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)

    def __enter__(self) -> Removable:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.remove()


def edge_of(tensor: Tensor) -> tuple[Node, int]:
    """Return the node that a tensor's gradient goes to, and which of its results the tensor is."""
    node = tensor.grad_fn
    if node is not None:
        return node, tensor._result_index
    held = tensor._accumulator
    found = None if held is None else held()
    if found is None:
        found = AccumulateGrad(tensor)
        tensor._accumulator = weakref.ref(found)
    return found, 0
