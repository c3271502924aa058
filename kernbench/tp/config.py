"""What Megatron's layers are told about a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernbench.runtime.dtypes import BY_NAME

__all__ = ["ModelParallelConfig"]


@dataclass
class ModelParallelConfig:
    """Settings that all layers of a model share (names as in Megatron-core).

    Attributes
    ----------
    tensor_model_parallel_size : int
        Over how many ranks tensors are split.
    sequence_parallel : bool
        Split activations outside the parallel layers along the sequence.
    use_cpu_initialization : bool
        Draw the whole weight on the host and cut each rank's part out of it: the parts of any
        division then are slices of the same weight.
    perform_initialization : bool
        Initialise weights at all.
    params_dtype : dtype
        Of weights and biases.
    gradient_accumulation_fusion : bool
        Add weight gradients to ``weight.main_grad`` in the GEMM that makes them.
    """

    tensor_model_parallel_size: int = 1
    pipeline_model_parallel_size: int = 1
    context_parallel_size: int = 1
    expert_model_parallel_size: int = 1
    expert_tensor_parallel_size: int | None = None
    sequence_parallel: bool = False
    use_cpu_initialization: bool = False
    perform_initialization: bool = True
    params_dtype: Any = BY_NAME["float32"]
    gradient_accumulation_fusion: bool = False
    async_tensor_model_parallel_allreduce: bool = False
    defer_embedding_wgrad_compute: bool = False
    wgrad_deferral_limit: int = 0
    deterministic_mode: bool = False
    cpu_offloading: bool = False
    _cpu_offloading_context: Any = None

    def __post_init__(self) -> None:
        if self.expert_tensor_parallel_size is None:
            self.expert_tensor_parallel_size = self.tensor_model_parallel_size
        if self.sequence_parallel and self.tensor_model_parallel_size <= 1:
            raise ValueError(
                "Can not use sequence parallelism without tensor parallelism: "
                f"tensor_model_parallel_size is {self.tensor_model_parallel_size}"
            )
        if self.defer_embedding_wgrad_compute:
            raise NotImplementedError(
                "kernbench: ModelParallelConfig(defer_embedding_wgrad_compute=True)"
            )
