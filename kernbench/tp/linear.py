"""The product of a parallel layer, with its collectives beside the GEMMs of backward."""

from __future__ import annotations

from typing import Any

from kernbench import distributed as dist
from kernbench.autograd import Function
from kernbench.runtime import Tensor
from kernbench.runtime.dispatch import call
from kernbench.tp import primitives as p
from kernbench.tp.utils import get_tensor_model_parallel_group_if_none

__all__ = [
    "linear_with_frozen_weight",
    "linear_with_grad_accumulation_and_async_allreduce",
]


def _rows(x: Any) -> Any:
    return x.reshape(-1, x.shape[-1])


def _weight_gradient(grad: Tensor, x: Tensor) -> Tensor:
    found: Tensor = call("matmul", _rows(grad).t(), _rows(x))
    return found


class _Linear(Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        fuse: bool,
        allreduce: bool,
        sequence: bool,
        group: Any,
    ) -> Any:
        ctx.save_for_backward(x, weight)
        ctx.fuse, ctx.allreduce, ctx.sequence, ctx.group = fuse, allreduce, sequence, group
        ctx.has_bias = bias is not None
        whole = p.gather_first(x, group) if sequence else x
        return call("linear", whole, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        grad = grads[0].contiguous()
        x, weight = ctx.saved_tensors
        group, size = ctx.group, ctx.group.size()
        wants_weight = ctx.needs_input_grad[1]
        gathering = None
        whole = x
        if ctx.sequence and wants_weight and size > 1:
            # The input comes back while the input's gradient is computed.
            whole = call("empty", (x.shape[0] * size, *x.shape[1:]), dtype=x.dtype, device=x.device)
            gathering = dist.all_gather_into_tensor(
                whole, x.contiguous(), group=group, async_op=True
            )
        of_input = call("matmul", grad, weight)
        handing_on = None
        if ctx.allreduce and size > 1:
            # The sum over the ranks travels while the weight's gradient is computed.
            of_input = of_input.contiguous()
            handing_on = dist.all_reduce(of_input, group=group, async_op=True)
        elif ctx.sequence and size > 1:
            part = call("empty", x.shape, dtype=x.dtype, device=x.device)
            handing_on = dist.reduce_scatter_tensor(
                part, of_input.contiguous(), group=group, async_op=True
            )
            of_input = part
        of_weight = None
        if wants_weight:
            if gathering is not None:
                gathering.wait()
            of_weight = _weight_gradient(grad, whole)
            if ctx.fuse:
                main: Any = getattr(weight, "main_grad", None)
                if main is None:
                    raise RuntimeError(
                        "gradient_accumulation_fusion: expected weight.main_grad, a tensor to add "
                        "the weight's gradient to; set it or switch the fusion off"
                    )
                main.add_(call("to", of_weight, main.dtype))
                of_weight = None
        of_bias = call("sum", _rows(grad), 0) if ctx.has_bias else None
        if handing_on is not None:
            handing_on.wait()
        return of_input, of_weight, of_bias, None, None, None, None


class _FrozenLinear(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, allreduce: bool, group: Any
    ) -> Any:
        ctx.save_for_backward(weight)
        ctx.allreduce, ctx.group = allreduce, group
        return call("linear", x, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        (weight,) = ctx.saved_tensors
        of_input = call("matmul", grads[0], weight)
        if ctx.allreduce:
            of_input = p.reduce(of_input, ctx.group)
        return of_input, None, None, None, None


def linear_with_grad_accumulation_and_async_allreduce(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    gradient_accumulation_fusion: bool,
    allreduce_dgrad: bool,
    sequence_parallel: bool,
    grad_output_buffer: list[Tensor] | None = None,
    wgrad_deferral_limit: int | None = 0,
    tp_group: Any = None,
    gtp_remat_size: int = 1,
    output_dtype: Any = None,
) -> Any:
    """Return ``input @ weight.T + bias``; backward's collectives run beside its GEMMs.

    Parameters
    ----------
    input : Tensor
        Shape ``(..., k)``; with `sequence_parallel` this rank's part of the first dimension.
    weight : Tensor
        Shape ``(n, k)``: this rank's part.
    gradient_accumulation_fusion : bool
        Add the weight's gradient to ``weight.main_grad`` instead of returning it.
    allreduce_dgrad : bool
        Add the input's gradient up over the ranks.
    sequence_parallel : bool
        Gather the input before, and reduce-scatter its gradient.
    wgrad_deferral_limit : int
        Accepted: no weight's gradient is deferred.

    Raises
    ------
    NotImplementedError
        For `gtp_remat_size` or `grad_output_buffer`.
    """
    if gtp_remat_size != 1 or grad_output_buffer is not None:
        raise NotImplementedError("kernbench: linear with gtp_remat_size or grad_output_buffer")
    assert not (allreduce_dgrad and sequence_parallel), (
        "`allreduce_dgrad` and `sequence_parallel` cannot be enabled at the same time."
    )
    group = get_tensor_model_parallel_group_if_none(tp_group)
    found = _Linear.apply(
        input,
        weight,
        bias,
        gradient_accumulation_fusion,
        allreduce_dgrad,
        sequence_parallel,
        group,
    )
    return found if output_dtype is None else call("to", found, output_dtype)


def linear_with_frozen_weight(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    gradient_accumulation_fusion: bool,
    allreduce_dgrad: bool,
    sequence_parallel: bool,
    tp_group: Any = None,
    grad_output_buffer: None = None,
    wgrad_deferral_limit: None = None,
    gtp_remat_size: int = 1,
    output_dtype: Any = None,
) -> Any:
    """Do the same with a weight that is not learned: backward gives the input's gradient only.

    So `gradient_accumulation_fusion`, `grad_output_buffer`, `wgrad_deferral_limit` and
    `gtp_remat_size`, which are of the weight's gradient, change nothing.
    """
    from kernbench.tp.mappings import gather_from_sequence_parallel_region

    group = get_tensor_model_parallel_group_if_none(tp_group)
    if sequence_parallel:
        input = gather_from_sequence_parallel_region(input, True, group)
    found = _FrozenLinear.apply(input, weight, bias, allreduce_dgrad, group)
    return found if output_dtype is None else call("to", found, output_dtype)
