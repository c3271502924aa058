"""``torch.distributed._functional_collectives``: collectives that return new tensors.

A group is given as torch takes it: a ProcessGroup or its name, a DeviceMesh of one dimension, one
of several and the dimension, or a list of ranks.  Reductions are named: ``"sum"``.

Differs from torch: what is returned is a plain tensor, for which the current stream (nccl) or the
host (gloo) waits at once, and gradients go through all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench.distributed.device_mesh import DeviceMesh
from kernbench.distributed.groups import ProcessGroup, group_of, worlds
from kernbench.distributed.nn import functional
from kernbench.distributed.queries import get_process_group_ranks
from kernbench.distributed.reduction import ReduceOp
from kernbench.distributed.setup import new_group
from kernbench.errors import ArgumentError
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = [
    "all_gather_into_tensor_coalesced",
    "all_gather_single",
    "all_gather_single_autograd",
    "all_gather_tensor",
    "all_gather_tensor_autograd",
    "all_reduce",
    "all_reduce_coalesced",
    "all_to_all_single",
    "all_to_all_single_autograd",
    "broadcast",
    "permute_tensor",
    "reduce_scatter_single",
    "reduce_scatter_single_autograd",
    "reduce_scatter_tensor",
    "reduce_scatter_tensor_autograd",
    "reduce_scatter_tensor_coalesced",
    "wait_tensor",
]


def _group(what: str, given: Any) -> ProcessGroup:
    """Return the group that is meant."""
    found: Any = given
    if isinstance(given, DeviceMesh):
        if given.ndim != 1:
            raise ArgumentError(
                f"{what}: group: expected a mesh of 1 dimension, or (mesh, dimension), got one of "
                f"{given.ndim}"
            )
        found = given.get_group()
    elif isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], DeviceMesh):
        found = given[0].get_group(given[1])
    elif isinstance(given, list):
        mine = worlds.get().groups
        same = [each for each in mine if get_process_group_ranks(each) == sorted(given)]
        found = same[0] if same else new_group(given, use_local_synchronization=True)
    elif isinstance(given, str):
        named = [each for each in worlds.get().groups if each.group_name == given]
        found = named[0] if named else given
    members = group_of(found)
    if members is None:
        raise ArgumentError(f"{what}: group: expected one that the caller is in, got {given!r}")
    return members


def _op(what: str, name: Any) -> Any:
    found = getattr(ReduceOp, name.upper(), None) if isinstance(name, str) else None
    if found is None:
        raise ArgumentError(
            f"{what}: reduceOp: expected the name of a reduction such as 'sum', got {name!r}"
        )
    return found


def all_reduce(self: Tensor, reduceOp: str, group: Any, tag: str = "") -> Any:
    """Return the tensors of all members combined."""
    members = _group("all_reduce", group)
    return functional.all_reduce(self, _op("all_reduce", reduceOp), members)


def broadcast(self: Tensor, src: int, group: Any, tag: str = "") -> Any:
    """Return the tensor of rank `src`."""
    return functional.broadcast(self, src, _group("broadcast", group))


def all_gather_tensor(self: Tensor, gather_dim: int, group: Any, tag: str = "") -> Any:
    """Return the tensors of all members, put together along `gather_dim`."""
    parts = functional.all_gather(self.contiguous(), _group("all_gather_tensor", group))
    return call("cat", list(parts), gather_dim)


def reduce_scatter_tensor(
    self: Tensor, reduceOp: str, scatter_dim: int, group: Any, tag: str = ""
) -> Any:
    """Return this rank's part, along `scatter_dim`, of the combined tensors.

    Raises
    ------
    AssertionError
        When the dimension does not divide by the number of members.
    """
    members = _group("reduce_scatter_tensor", group)
    size, held = members.size(), self.shape[scatter_dim]
    assert held % size == 0, (
        f"reduce_scatter_tensor: input dimension {scatter_dim} ({held}) must be a multiple of "
        f"group_size {size}"
    )
    parts = [part.contiguous() for part in call("split", self, held // size, scatter_dim)]
    op = _op("reduce_scatter_tensor", reduceOp)
    return functional.reduce_scatter(parts[0], parts, op, members)


def all_to_all_single(
    self: Tensor,
    output_split_sizes: Sequence[int] | None,
    input_split_sizes: Sequence[int] | None,
    group: Any,
    tag: str = "",
) -> Any:
    """Return the parts that each member gives this rank; without sizes all are equal."""
    members = _group("all_to_all_single", group)
    rows = self.shape[0] if output_split_sizes is None else sum(output_split_sizes)
    into = self.new_empty((rows, *self.shape[1:]))
    return functional.all_to_all_single(into, self, output_split_sizes, input_split_sizes, members)


def permute_tensor(self: Tensor, src_dst: Sequence[int], group: Any, tag: str = "") -> Any:
    """Return the tensor of the member that sends to this one: member i sends to ``src_dst[i]``."""
    members = _group("permute_tensor", group)
    if sorted(src_dst) != list(range(members.size())):
        raise ArgumentError(
            f"permute_tensor: src_dst: expected each of 0 to {members.size() - 1} once, got "
            f"{list(src_dst)}"
        )
    me, rows, size = members.rank(), self.shape[0], members.size()
    gives = [rows if place == src_dst[me] else 0 for place in range(size)]
    takes = [rows if src_dst[place] == me else 0 for place in range(size)]
    return functional.all_to_all_single(self, self, takes, gives, members)


def wait_tensor(tensor: Tensor) -> Tensor:
    """Return the tensor: it has been waited for."""
    return tensor


def all_reduce_coalesced(
    self: Sequence[Tensor], reduceOp: str, group: Any, tag: str = ""
) -> list[Any]:
    """Return what `all_reduce` does of each."""
    return [all_reduce(each, reduceOp, group) for each in self]


def all_gather_into_tensor_coalesced(
    self: Sequence[Tensor], group: Any, tag: str = ""
) -> list[Any]:
    """Return what `all_gather_tensor` does of each, along the first dimension."""
    return [all_gather_tensor(each, 0, group) for each in self]


def reduce_scatter_tensor_coalesced(
    inputs: Sequence[Tensor], reduceOp: str, scatter_dim: Sequence[int], group: Any, tag: str = ""
) -> list[Any]:
    """Return what `reduce_scatter_tensor` does of each, along its dimension."""
    pairs = zip(inputs, scatter_dim, strict=True)
    return [reduce_scatter_tensor(each, reduceOp, dim, group) for each, dim in pairs]


all_gather_single = all_gather_single_autograd = all_gather_tensor_autograd = all_gather_tensor
reduce_scatter_single = reduce_scatter_single_autograd = reduce_scatter_tensor
reduce_scatter_tensor_autograd = reduce_scatter_tensor
all_to_all_single_autograd = all_to_all_single
