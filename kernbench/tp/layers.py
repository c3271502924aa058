"""Linear layers whose weights are split over the tensor group (ADR-0027 D3, D4).

ColumnParallelLinear splits the outputs, RowParallelLinear the inputs.  A column layer followed by a
row layer needs one all-reduce forward and one backward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernbench.runtime import Tensor
from kernbench.tp.config import ModelParallelConfig
from kernbench.tp.linear import (
    linear_with_frozen_weight,
    linear_with_grad_accumulation_and_async_allreduce,
)
from kernbench.tp.mappings import (
    copy_to_tensor_model_parallel_region,
    gather_from_tensor_model_parallel_region,
    reduce_from_tensor_model_parallel_region,
    reduce_scatter_to_sequence_parallel_region,
    scatter_to_tensor_model_parallel_region,
)
from kernbench.tp.split_layer import SplitLayer
from kernbench.tp.utils import (
    divide,
)

__all__ = ["ColumnParallelLinear", "RowParallelLinear"]


class ColumnParallelLinear(SplitLayer):
    """``Y = X Aᵀ + b`` with the rows of A, and so the columns of Y, split over the ranks.

    Parameters
    ----------
    input_size, output_size : int
        Of the whole layer; each rank holds ``(output_size / tp, input_size)`` of A.
    config : ModelParallelConfig
        Dtype, sequence parallelism, where weights are drawn.
    init_method : callable
        Fills the weight in place.
    bias : bool
        Whether there is a bias; it is zero at first, and split like Y.
    gather_output : bool
        Return all of Y on each rank.
    skip_bias_add : bool
        Return the bias beside the product, for a kernel that adds it later.
    tp_group : ProcessGroup, optional
        The tensor group unless told.
    embedding_activation_buffer, grad_output_buffer
        Only None: they serve ``config.defer_embedding_wgrad_compute``, which there is not.
    tp_comm_buffer_name, name, pg_collection
        Accepted; they change nothing.

    Notes
    -----
    ``forward(x)`` returns ``(output, bias or None)`` for ``x`` of shape ``(s, b, input_size)``.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        config: ModelParallelConfig,
        init_method: Callable[[Any], Any],
        bias: bool = True,
        gather_output: bool = False,
        stride: int = 1,
        keep_master_weight_for_test: bool = False,
        skip_bias_add: bool = False,
        skip_weight_param_allocation: bool = False,
        embedding_activation_buffer: list[Tensor] | None = None,
        grad_output_buffer: list[Tensor] | None = None,
        is_expert: bool = False,
        tp_comm_buffer_name: str | None = None,
        disable_grad_reduce: bool = False,
        tp_group: Any = None,
        name: str | None = None,
        output_dtype: Any = None,
        pg_collection: Any = None,
    ) -> None:
        super().__init__(config, tp_group, is_expert)
        self.input_size, self.output_size = input_size, output_size
        self.gather_output, self.skip_bias_add = gather_output, skip_bias_add
        self.output_dtype = output_dtype
        self.output_size_per_partition = divide(
            output_size, self.world_size, "output_size of ColumnParallelLinear among ranks"
        )
        if skip_weight_param_allocation:
            self.weight = None
        else:
            self._make_weight(
                (output_size, input_size), 0, init_method, stride, keep_master_weight_for_test
            )
        self._make_bias(self.output_size_per_partition, bias)
        if self.bias is not None:
            self.bias.tensor_model_parallel = True
            self.bias.partition_dim, self.bias.partition_stride = 0, stride
        self.sequence_parallel = config.sequence_parallel and self.world_size > 1
        self.allreduce_dgrad = (
            self.world_size > 1 and not self.sequence_parallel and not disable_grad_reduce
        )

    def forward(
        self, input_: Tensor, weight: Any = None, runtime_gather_output: bool | None = None
    ) -> tuple[Any, Any]:
        """Return the product of shape ``(s, b, n / tp)``, or all of it, and the bias.

        Raises
        ------
        RuntimeError
            Without a weight, or with one of a shape that does not fit.
        """
        if weight is None:
            if self.weight is None:
                raise RuntimeError(
                    "weight was not supplied to ColumnParallelLinear forward pass and "
                    "skip_weight_param_allocation is True."
                )
            weight = self.weight
        else:
            expected = (self.output_size_per_partition, self.input_size)
            if tuple(weight.shape) != expected:
                raise RuntimeError(
                    f"supplied weight's shape is {tuple(weight.shape)}, not {expected} as expected"
                )
        bias = self.bias if not self.skip_bias_add else None
        gathers = self.sequence_parallel and not self.is_expert
        alone = self.allreduce_dgrad or gathers
        given = input_ if alone else copy_to_tensor_model_parallel_region(input_, self.tp_group)
        product = (
            linear_with_grad_accumulation_and_async_allreduce
            if weight.requires_grad
            else linear_with_frozen_weight
        )
        result = product(
            given,
            weight,
            bias,
            self.config.gradient_accumulation_fusion,
            self.allreduce_dgrad,
            gathers,
            tp_group=self.tp_group,
            output_dtype=self.output_dtype,
        )
        gather = self.gather_output if runtime_gather_output is None else runtime_gather_output
        if gather:
            assert not self.sequence_parallel, (
                "ColumnParallelLinear: gather_output expects sequence_parallel=False"
            )
            result = gather_from_tensor_model_parallel_region(result, self.tp_group)
        return result, self.bias if self.skip_bias_add else None

    def extra_repr(self) -> str:
        """Sizes and group."""
        return (
            f"in_features={self.input_size}, out_features={self.output_size}, "
            f"bias={self.bias is not None}, TP={self.world_size}"
        )


class RowParallelLinear(SplitLayer):
    """``Y = X Aᵀ + b`` with the columns of A, and so those of X, split over the ranks.

    Each rank computes a part of the sum; the parts are added up over the ranks, the bias after
    that, so it is not split.

    Parameters
    ----------
    input_size, output_size : int
        Of the whole layer; each rank holds ``(output_size, input_size / tp)`` of A.
    input_is_parallel : bool
        X is split already, as a column layer leaves it.

    Raises
    ------
    RuntimeError
        For sequence parallelism with an input that is not split.

    Notes
    -----
    ``forward(x)`` returns ``(output, bias or None)``.
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        config: ModelParallelConfig,
        init_method: Callable[[Any], Any],
        bias: bool,
        input_is_parallel: bool,
        skip_bias_add: bool,
        stride: int = 1,
        keep_master_weight_for_test: bool = False,
        is_expert: bool = False,
        tp_comm_buffer_name: str | None = None,
        tp_group: Any = None,
        name: str | None = None,
        pg_collection: Any = None,
    ) -> None:
        super().__init__(config, tp_group, is_expert)
        self.input_size, self.output_size = input_size, output_size
        self.input_is_parallel, self.skip_bias_add = input_is_parallel, skip_bias_add
        self.sequence_parallel = config.sequence_parallel
        if self.sequence_parallel and not input_is_parallel:
            raise RuntimeError("To enable `sequence_parallel`, `input_is_parallel` must be `True`")
        self.input_size_per_partition = divide(
            input_size, self.world_size, "input_size of RowParallelLinear among ranks"
        )
        self._make_weight(
            (output_size, input_size), 1, init_method, stride, keep_master_weight_for_test
        )
        self._make_bias(output_size, bias)
        if self.bias is not None:
            self.bias.sequence_parallel = self.sequence_parallel

    def forward(self, input_: Tensor) -> tuple[Any, Any]:
        """Return the sum of shape ``(s, b, n)``, or this rank's part of s, and the bias."""
        if self.input_is_parallel:
            given: Any = input_
        else:
            given = scatter_to_tensor_model_parallel_region(input_, self.tp_group)
        product = (
            linear_with_grad_accumulation_and_async_allreduce
            if self.weight.requires_grad
            else linear_with_frozen_weight
        )
        part = product(
            given,
            self.weight,
            None,
            self.config.gradient_accumulation_fusion,
            False,
            False,
            tp_group=self.tp_group,
        )
        if self.sequence_parallel:
            result = reduce_scatter_to_sequence_parallel_region(part, self.tp_group)
        else:
            result = reduce_from_tensor_model_parallel_region(part, self.tp_group)
        if self.skip_bias_add:
            return result, self.bias
        return result if self.bias is None else result + self.bias, None

    def extra_repr(self) -> str:
        """Sizes and group."""
        return (
            f"in_features={self.input_size}, out_features={self.output_size}, "
            f"bias={self.bias is not None}, TP={self.world_size}"
        )
