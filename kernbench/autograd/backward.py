"""Running a recorded graph backward: ``backward`` and ``grad``."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from typing import Any

from kernbench.autograd.modes import MODE
from kernbench.autograd.node import AccumulateGrad, Input, Node, edge_of
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["backward", "grad", "reachable"]


class _Run:
    """One pass through the graph.

    A node runs when all that it can still get has come; of those that can run, leaves go first, so
    that whoever waits for a leaf's ``grad`` (buckets of gradients, say) is told early, then the
    youngest.
    """

    def __init__(self, keep: bool, create: bool, starts: Sequence[Node]) -> None:
        self.keep, self.create = keep, create
        self.missing = _edges_into(starts)
        self.waiting: dict[Node, list[Any]] = {}
        self.ready: list[tuple[bool, int, Node]] = []
        self.given: set[int] = set()  # storages that belong to some leaf's grad

    def send(self, node: Node, index: int, grad: Any) -> None:
        """Add to the gradient of a node's result; None: nothing comes over this edge."""
        held = self.waiting.get(node)
        if held is None:
            held = self.waiting[node] = [None] * node.n_results
        if grad is not None:
            held[index] = grad if held[index] is None else call("add", held[index], grad)
        self.missing[node] -= 1
        if self.missing[node] == 0:
            leaf = isinstance(node, AccumulateGrad)
            heapq.heappush(self.ready, (not leaf, -node.sequence, node))

    def run(self, needed: set[Node] | None, wanted: dict[tuple[Node, int], list[int]]) -> list[Any]:
        """Work from the roots that were sent to; return the gradients of the wanted results."""
        found: list[Any] = [None] * sum(len(each) for each in wanted.values())
        while self.ready:
            node = heapq.heappop(self.ready)[2]
            grads = self.waiting.pop(node)
            for index, grad in enumerate(grads):
                if grad is None:
                    continue
                for hook in list(node.result_hooks.get(index, ())):
                    changed = hook(grad)
                    if changed is not None:
                        grad = grads[index] = changed
                if index in node.retained:
                    node.retained[index](grad)
                for place in wanted.get((node, index), ()):
                    found[place] = grad
            if isinstance(node, AccumulateGrad):
                if grads[0] is not None and (needed is None or (node in needed and not wanted)):
                    self.accumulate(node.variable, grads[0])
            else:
                self.step(node, grads, needed)
        return found

    def step(self, node: Node, grads: list[Any], needed: set[Node] | None) -> None:
        """Send a node's gradients on to its inputs."""
        if all(grad is None for grad in grads) or (needed is not None and node not in needed):
            for target in node.inputs:
                self.send(target.node, target.index, None)
            return
        for target, grad in node.apply(grads):
            fitted = None if grad is None else _fit(grad, target, node)
            self.send(target.node, target.index, fitted)
        if not self.keep:
            node.release()

    def accumulate(self, leaf: Tensor, grad: Any) -> None:
        """Add to a leaf's ``grad``, in place where nobody asks for higher derivatives.

        A first gradient lies in memory as its leaf does: collectives and optimizers take it so.
        """
        if leaf.grad is None:
            fresh = id(grad._storage) not in self.given and grad.stride() == leaf.stride()
            if self.create:
                leaf.grad = grad if fresh else grad.clone()
            elif fresh:
                leaf.grad = grad.detach()
            else:
                leaf.grad = call("empty_like", leaf.detach(), dtype=grad.dtype).copy_(grad.detach())
            self.given.add(id(grad._storage))
        elif self.create:
            leaf.grad = call("add", leaf.grad, grad)
        else:
            call("add_", leaf.grad, grad.detach())
        for hook in list(leaf.__dict__.get("_post_hooks", ())):
            hook(leaf)


def _fit(grad: Any, target: Input, node: Node) -> Any:
    """Bring a gradient to the shape and dtype of what it is the gradient of."""
    if grad.shape != target.shape:
        grad = sum_to(grad, target.shape, node)
    if grad.dtype is not target.dtype:
        grad = call("to", grad, target.dtype)
    if grad.device != target.device:
        grad = call("to", grad, target.device)
    return grad


def sum_to(grad: Any, shape: Sequence[int], node: Node) -> Any:
    """Undo a broadcast: add up over the dimensions that were repeated."""
    lead = grad.ndim - len(shape)
    if lead < 0 or any(
        have != wanted and wanted != 1
        for have, wanted in zip(grad.shape[lead:], shape, strict=True)
    ):
        raise RuntimeError(
            f"Function {node.name()} returned an invalid gradient - got {list(grad.shape)} but "
            f"expected shape compatible with {list(shape)}"
        )
    if lead:
        grad = call("sum", grad, list(range(lead)))
    dims = [d for d, wanted in enumerate(shape) if wanted == 1 and grad.shape[d] != 1]
    return call("sum", grad, dims, True) if dims else grad


def _roots(tensors: Sequence[Tensor], grads: Sequence[Any] | None) -> list[tuple[Tensor, Any]]:
    given = list(grads) if grads is not None else [None] * len(tensors)
    if len(given) != len(tensors):
        raise RuntimeError(f"got {len(tensors)} tensors and {len(given)} gradients")
    found = []
    for place, (tensor, grad) in enumerate(zip(tensors, given, strict=True)):
        if not tensor.requires_grad:
            raise RuntimeError(
                f"element {place} of tensors does not require grad and does not have a grad_fn"
            )
        if grad is None:
            if tensor.numel() != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            grad = call("ones_like", tensor.detach())
        elif grad.shape != tensor.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{place}] has a shape of {grad.shape} and output"
                f"[{place}] has a shape of {tensor.shape}."
            )
        found.append((tensor, grad))
    return found


def _run(
    tensors: Sequence[Tensor],
    grads: Sequence[Any] | None,
    keep: bool,
    create: bool,
    targets: Sequence[Tensor] | None,
    accumulate: bool,
) -> list[Any]:
    roots = _roots(tensors, grads)
    edges = None if targets is None else [edge_of(each) for each in targets]
    starts = [edge_of(tensor) for tensor, _ in roots]
    run = _Run(keep or create, create, [node for node, _ in starts])
    needed = None if edges is None else _leading_to({e[0] for e in edges}, [s[0] for s in starts])
    wanted: dict[tuple[Node, int], list[int]] = {}
    if edges is not None and not accumulate:
        for place, edge in enumerate(edges):
            wanted.setdefault(edge, []).append(place)
    mode = MODE.get()
    before, mode.enabled = mode.enabled, create
    try:
        for (node, index), (_, grad) in zip(starts, roots, strict=True):
            run.given.add(id(grad._storage))
            run.send(node, index, grad)
        return run.run(needed, wanted)
    finally:
        mode.enabled = before


def reachable(starts: Sequence[Node], since: float = -math.inf) -> list[Node]:
    """Return the nodes that some nodes' gradients reach, what came first ahead.

    `since` bounds them to what was made after a node, by its number.
    """
    seen: set[Node] = set()
    stack = list(starts)
    while stack:
        node = stack.pop()
        if node not in seen and node.sequence > since:
            seen.add(node)
            stack += [each.node for each in node.inputs]
    return sorted(seen, key=lambda each: each.sequence)


def _edges_into(starts: Sequence[Node]) -> dict[Node, int]:
    """Count the edges into each node that can be reached, the roots' own among them."""
    counts: dict[Node, int] = {}
    for node in starts:
        counts[node] = counts.get(node, 0) + 1
    for node in reachable(starts):
        for each in node.inputs:
            counts[each.node] = counts.get(each.node, 0) + 1
    return counts


def _leading_to(targets: set[Node], starts: Sequence[Node]) -> set[Node]:
    """Return the nodes from which a target can be reached, the targets too."""
    leading = set(targets)
    for node in reachable(starts):  # inputs come before what took them
        if any(each.node in leading for each in node.inputs):
            leading.add(node)
    return leading


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Add the gradients of `tensors` to the ``grad`` of the leaves that they came from.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
        Results.
    grad_tensors : Tensor or sequence of Tensor, optional
        Their gradients, of equal shape; may be left out for tensors of one element.
    retain_graph : bool, optional
        Keep what the derivatives need; `create_graph` unless told.
    create_graph : bool
        Record this pass too, for higher derivatives.
    inputs : Tensor or sequence of Tensor, optional
        Only these leaves.

    Raises
    ------
    RuntimeError
        With torch's words: nothing requires gradients, shapes that do not fit, a second pass
        through a graph that was let go, a tensor that was written to meanwhile.
    """
    grads = grad_tensors if grad_tensors is not None else grad_variables
    targets = None if inputs is None else _as_tuple(inputs)
    if targets is not None and not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    _run(
        _as_tuple(tensors),
        None if grads is None else _as_tuple(grads),
        create_graph if retain_graph is None else retain_graph,
        create_graph,
        targets,
        True,
    )


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of `outputs` with respect to `inputs`; no ``grad`` is changed.

    Raises
    ------
    RuntimeError
        As `backward`, and for an input that the outputs do not depend on unless `allow_unused`.
    """
    if is_grads_batched:
        raise NotImplementedError("kernbench: torch.autograd.grad(is_grads_batched=True)")
    targets = _as_tuple(inputs)
    for each in targets:
        if not each.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    found = _run(
        _as_tuple(outputs),
        None if grad_outputs is None else _as_tuple(grad_outputs),
        create_graph if retain_graph is None else retain_graph,
        create_graph,
        targets,
        False,
    )
    if materialize_grads:
        found = [
            call("zeros_like", each) if one is None else one
            for one, each in zip(found, targets, strict=True)
        ]
    elif not allow_unused and any(each is None for each in found):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. Set "
            "allow_unused=True if this is the desired behavior."
        )
    return tuple(found)
