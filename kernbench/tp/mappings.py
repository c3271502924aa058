"""Moving activations between parallel regions: each a pair, forward and backward (ADR-0027 D6).

| mapping | forward | backward |
|---|---|---|
| copy_to_tensor_model_parallel_region | nothing | all-reduce |
| reduce_from_tensor_model_parallel_region | all-reduce | nothing |
| scatter_to_tensor_model_parallel_region | split last | gather last |
| gather_from_tensor_model_parallel_region | gather last | split last |
| scatter_to_sequence_parallel_region | split first | gather first |
| gather_from_sequence_parallel_region | gather first | reduce-scatter first, or split |
| reduce_scatter_to_sequence_parallel_region | reduce-scatter first | gather first |
| all_gather_last_dim_from_tensor_parallel_region | gather last | reduce-scatter last |
| reduce_scatter_last_dim_to_tensor_parallel_region | reduce-scatter last | gather last |
| all_to_all | part i to rank i | the way back |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench.autograd import Function
from kernbench.runtime import Tensor
from kernbench.runtime.dispatch import call
from kernbench.tp import primitives as p
from kernbench.tp.utils import get_tensor_model_parallel_group_if_none

__all__ = [
    "all_gather_last_dim_from_tensor_parallel_region",
    "all_to_all",
    "all_to_all_hp2sp",
    "all_to_all_sp2hp",
    "copy_to_tensor_model_parallel_region",
    "gather_from_sequence_parallel_region",
    "gather_from_tensor_model_parallel_region",
    "reduce_from_tensor_model_parallel_region",
    "reduce_scatter_last_dim_to_tensor_parallel_region",
    "reduce_scatter_to_sequence_parallel_region",
    "scatter_to_sequence_parallel_region",
    "scatter_to_tensor_model_parallel_region",
]


class _CopyToModelParallelRegion(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Any:
        ctx.group = group
        return x

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return p.reduce(grads[0], ctx.group), None


class _ReduceFromModelParallelRegion(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Any:
        return p.reduce(x, group)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0], None


class _ScatterToModelParallelRegion(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Any:
        ctx.group = group
        return p.split_last(x, group)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return p.gather_last(grads[0], ctx.group), None


class _GatherFromModelParallelRegion(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Any:
        ctx.group = group
        return p.gather_last(x, group)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return p.split_last(grads[0], ctx.group), None


class _ScatterToSequenceParallelRegion(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Any:
        ctx.group = group
        return p.split_first(x, group)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return p.gather_first(grads[0], ctx.group), None


class _GatherFromSequenceParallelRegion(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, to_parallel: bool, group: Any, sizes: Sequence[int] | None
    ) -> Any:
        ctx.group, ctx.to_parallel, ctx.sizes = group, to_parallel, sizes
        return p.gather_first(x, group, sizes)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        # Behind a parallel region each rank has a part of the gradient's sum, else all of it.
        if ctx.to_parallel:
            return p.reduce_scatter_first(grads[0], ctx.group, ctx.sizes), None, None, None
        return p.split_first(grads[0], ctx.group), None, None, None


class _ReduceScatterToSequenceParallelRegion(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any, sizes: Sequence[int] | None) -> Any:
        ctx.group, ctx.sizes = group, sizes
        return p.reduce_scatter_first(x, group, sizes)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return p.gather_first(grads[0], ctx.group, ctx.sizes), None, None


class _AllGatherFromTensorParallelRegion(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Any:
        ctx.group = group
        return p.gather_last(x, group)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return p.reduce_scatter_last(grads[0], ctx.group), None


class _ReduceScatterToTensorParallelRegion(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Any) -> Any:
        ctx.group = group
        return p.reduce_scatter_last(x, group)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return p.gather_last(grads[0], ctx.group), None


class _AllToAll(Function):
    @staticmethod
    def forward(
        ctx: Any,
        group: Any,
        x: Tensor,
        output_sizes: Sequence[int] | None,
        input_sizes: Sequence[int] | None,
    ) -> Any:
        ctx.group, ctx.output_sizes, ctx.input_sizes = group, output_sizes, input_sizes
        return p.all_to_all(x, group, output_sizes, input_sizes)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        back = p.all_to_all(grads[0], ctx.group, ctx.input_sizes, ctx.output_sizes)
        return None, back, None, None


def _over(function: Any, x: Tensor, group: Any, *more: Any) -> Any:
    """Apply a mapping, unless the group is of one rank."""
    group = get_tensor_model_parallel_group_if_none(group)
    return x if group is None or group.size() == 1 else function.apply(x, group, *more)


def copy_to_tensor_model_parallel_region(input_: Tensor, group: Any = None) -> Any:
    """Enter a tensor-parallel region with a tensor that all ranks have; grads are added up."""
    return _over(_CopyToModelParallelRegion, input_, group)


def reduce_from_tensor_model_parallel_region(input_: Tensor, group: Any = None) -> Any:
    """Leave a tensor-parallel region: add the ranks' parts up.

    `input_` itself is written to where it is contiguous.
    """
    return _over(_ReduceFromModelParallelRegion, input_, group)


def scatter_to_tensor_model_parallel_region(input_: Tensor, group: Any = None) -> Any:
    """Keep this rank's part of the last dimension."""
    return _over(_ScatterToModelParallelRegion, input_, group)


def gather_from_tensor_model_parallel_region(input_: Tensor, group: Any = None) -> Any:
    """Put the ranks' parts of the last dimension together."""
    return _over(_GatherFromModelParallelRegion, input_, group)


def scatter_to_sequence_parallel_region(input_: Tensor, group: Any = None) -> Any:
    """Keep this rank's part of the first dimension."""
    return _over(_ScatterToSequenceParallelRegion, input_, group)


def gather_from_sequence_parallel_region(
    input_: Tensor,
    tensor_parallel_output_grad: bool = True,
    group: Any = None,
    output_split_sizes: Sequence[int] | None = None,
    use_global_buffer: bool = False,
) -> Any:
    """Put the ranks' parts of the first dimension together.

    Parameters
    ----------
    tensor_parallel_output_grad : bool
        What follows is a tensor-parallel region, so that gradients are added up; otherwise they
        are equal on all ranks and are split.
    output_split_sizes : sequence of int, optional
        How much of the first dimension each rank has, where that differs.
    use_global_buffer : bool
        Accepted: memory of tensors that went is used again anyway.
    """
    group = get_tensor_model_parallel_group_if_none(group)
    if group is None or group.size() == 1:
        return input_
    return _GatherFromSequenceParallelRegion.apply(
        input_, tensor_parallel_output_grad, group, output_split_sizes
    )


def reduce_scatter_to_sequence_parallel_region(
    input_: Tensor,
    group: Any = None,
    input_split_sizes: Sequence[int] | None = None,
    use_global_buffer: bool = False,
) -> Any:
    """Add the ranks' tensors up and keep this rank's part of the first dimension.

    `use_global_buffer` is accepted and changes nothing.
    """
    return _over(_ReduceScatterToSequenceParallelRegion, input_, group, input_split_sizes)


def all_gather_last_dim_from_tensor_parallel_region(input_: Tensor, group: Any = None) -> Any:
    """Put the ranks' parts of the last dimension together; gradients are added up."""
    return _over(_AllGatherFromTensorParallelRegion, input_, group)


def reduce_scatter_last_dim_to_tensor_parallel_region(input_: Tensor, group: Any = None) -> Any:
    """Add the ranks' tensors up and keep this rank's part of the last dimension."""
    return _over(_ReduceScatterToTensorParallelRegion, input_, group)


def all_to_all(
    group: Any,
    input_: Tensor,
    output_split_sizes_: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
) -> Any:
    """Send part i of the first dimension to rank i of `group`."""
    assert group is not None, "group should not be None"
    if group.size() == 1:
        return input_
    return _AllToAll.apply(group, input_, output_split_sizes_, input_split_sizes)


def all_to_all_sp2hp(input_: Tensor, group: Any = None) -> Any:
    """From ``(n / TP, H)``, split by rows, to ``(n, H / TP)``, split by columns."""
    group = get_tensor_model_parallel_group_if_none(group)
    size = group.size()
    flat = input_.reshape(-1, input_.shape[-1])
    parts = call("split", flat, flat.shape[-1] // size, 1)
    return all_to_all(group, call("cat", list(parts), 0))


def all_to_all_hp2sp(input_: Tensor, group: Any = None) -> Any:
    """From ``(n, H / TP)``, split by columns, to ``(n / TP, H)``, split by rows."""
    group = get_tensor_model_parallel_group_if_none(group)
    size = group.size()
    came = all_to_all(group, input_.reshape(-1, input_.shape[-1]))
    return call("cat", list(call("split", came, came.shape[0] // size, 0)), -1)
