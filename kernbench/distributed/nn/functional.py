"""Collectives that autograd follows: each returns new tensors, and its gradient is one, too.

| forward | backward |
|---|---|
| all_reduce | all_reduce, by the same operation |
| broadcast | reduce |
| reduce | broadcast |
| gather | scatter |
| scatter | gather |
| all_gather | reduce_scatter |
| reduce_scatter | all_gather |
| all_to_all, all_to_all_single | the way back |

So every rank has to run backward, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench.autograd import Function
from kernbench.distributed import collectives, gathering, transposing
from kernbench.distributed.queries import get_rank, get_world_size
from kernbench.distributed.reduction import ReduceOp
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = [
    "all_gather",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "broadcast",
    "gather",
    "reduce",
    "reduce_scatter",
    "scatter",
]


def _copy(tensor: Any) -> Any:
    return tensor.detach().contiguous().clone()


def _empty(shape: Sequence[int], like: Any) -> Any:
    return call("empty", tuple(shape), dtype=like.dtype, device=like.device)


class _AllReduce(Function):
    @staticmethod
    def forward(ctx: Any, op: Any, group: Any, tensor: Any) -> Any:
        ctx.op, ctx.group = op, group
        total = _copy(tensor)
        collectives.all_reduce(total, op, group)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, None, _AllReduce.apply(ctx.op, ctx.group, grads[0])


class _Broadcast(Function):
    @staticmethod
    def forward(ctx: Any, src: int, group: Any, tensor: Any) -> Any:
        ctx.src, ctx.group = src, group
        got = _copy(tensor)
        collectives.broadcast(got, src, group)
        return got

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        total = _Reduce.apply(ctx.src, ReduceOp.SUM, ctx.group, grads[0])
        return None, None, total if get_rank() == ctx.src else total.zero_()


class _Reduce(Function):
    @staticmethod
    def forward(ctx: Any, dst: int, op: Any, group: Any, tensor: Any) -> Any:
        ctx.dst, ctx.group = dst, group
        total = _copy(tensor)
        collectives.reduce(total, dst, op, group)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, None, None, _Broadcast.apply(ctx.dst, ctx.group, grads[0])


class _Gather(Function):
    @staticmethod
    def forward(ctx: Any, dst: int, group: Any, tensor: Any) -> Any:
        ctx.dst, ctx.group = dst, group
        parts = [call("zeros_like", tensor.detach()) for _ in range(get_world_size(group))]
        gathering.gather(_copy(tensor), parts if get_rank() == dst else None, dst, group)
        return tuple(parts)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, None, _Scatter.apply(ctx.dst, ctx.group, *grads)


class _Scatter(Function):
    @staticmethod
    def forward(ctx: Any, src: int, group: Any, *tensors: Any) -> Any:
        ctx.src, ctx.group = src, group
        got = call("zeros_like", tensors[0].detach())
        parts = [_copy(each) for each in tensors] if get_rank() == src else None
        gathering.scatter(got, parts, src, group)
        return got

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, None, *_Gather.apply(ctx.src, ctx.group, grads[0])


class _AllGather(Function):
    @staticmethod
    def forward(ctx: Any, group: Any, tensor: Any) -> Any:
        ctx.group = group
        parts = [_empty(tensor.shape, tensor) for _ in range(get_world_size(group))]
        gathering.all_gather(parts, _copy(tensor), group)
        return tuple(parts)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        mine = _empty(grads[0].shape, grads[0])
        return None, _ReduceScatter.apply(ReduceOp.SUM, ctx.group, mine, *grads)


class _ReduceScatter(Function):
    @staticmethod
    def forward(ctx: Any, op: Any, group: Any, output: Any, *tensors: Any) -> Any:
        ctx.group = group
        total = _empty(output.shape, output)
        gathering.reduce_scatter(total, [_copy(each) for each in tensors], op, group)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, None, None, *_AllGather.apply(ctx.group, grads[0])


class _AllToAll(Function):
    @staticmethod
    def forward(ctx: Any, group: Any, shapes: Sequence[Sequence[int]], *tensors: Any) -> Any:
        ctx.group, ctx.shapes = group, [tuple(each.shape) for each in tensors]
        parts = [_empty(shape, tensors[0]) for shape in shapes]
        transposing.all_to_all(parts, [_copy(each) for each in tensors], group)
        return tuple(parts)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, None, *_AllToAll.apply(ctx.group, ctx.shapes, *grads)


class _AllToAllSingle(Function):
    @staticmethod
    def forward(
        ctx: Any, group: Any, shape: Sequence[int], takes: Any, gives: Any, tensor: Any
    ) -> Any:
        ctx.group, ctx.shape, ctx.takes, ctx.gives = group, tuple(tensor.shape), takes, gives
        got = _empty(shape, tensor)
        transposing.all_to_all_single(got, _copy(tensor), takes, gives, group)
        return got

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        back = _AllToAllSingle.apply(ctx.group, ctx.shape, ctx.gives, ctx.takes, grads[0])
        return None, None, None, None, back


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None) -> Any:
    """Return the tensors of all members combined."""
    return _AllReduce.apply(op, group, tensor)


def broadcast(tensor: Tensor, src: int, group: Any = None) -> Any:
    """Return the tensor of rank `src`."""
    return _Broadcast.apply(src, group, tensor)


def reduce(tensor: Tensor, dst: int, op: Any = ReduceOp.SUM, group: Any = None) -> Any:
    """Return the tensors of all members combined, at rank `dst`; the own one elsewhere."""
    return _Reduce.apply(dst, op, group, tensor)


def gather(tensor: Tensor, dst: int = 0, group: Any = None) -> Any:
    """Return the tensors of all members, at rank `dst`; zeros elsewhere."""
    return _Gather.apply(dst, group, tensor)


def scatter(tensors: Sequence[Tensor], src: int = 0, group: Any = None) -> Any:
    """Return this rank's of the tensors that rank `src` has; all ranks give ones of that shape."""
    return _Scatter.apply(src, group, *tensors)


def all_gather(tensor: Tensor, group: Any = None) -> Any:
    """Return the tensors of all members, of one shape."""
    return _AllGather.apply(group, tensor)


def reduce_scatter(
    output: Tensor, input_list: Sequence[Tensor], op: Any = ReduceOp.SUM, group: Any = None
) -> Any:
    """Return this rank's part of the combined lists, which has the shape of `output`.

    Differs from torch: a new tensor is made, and `output` is not written to.
    """
    return _ReduceScatter.apply(op, group, output, *input_list)


def all_to_all(
    output_tensor_list: Sequence[Tensor], input_tensor_list: Sequence[Tensor], group: Any = None
) -> Any:
    """Return what each member gives this rank, in the shapes of `output_tensor_list`.

    Differs from torch: new tensors are made, and the list is not written to.
    """
    shapes = [tuple(each.shape) for each in output_tensor_list]
    return _AllToAll.apply(group, shapes, *input_tensor_list)


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
    group: Any = None,
) -> Any:
    """Return the parts that each member gives this rank, in the shape of `output`.

    Differs from torch: a new tensor is made, and `output` is not written to.
    """
    shape = tuple(output.shape)
    return _AllToAllSingle.apply(group, shape, output_split_sizes, input_split_sizes, input)
