"""What the layers share whose weights are split over the tensor group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernbench.autograd import no_grad
from kernbench.runtime.dispatch import call
from kernbench.runtime.nn.module import Module
from kernbench.runtime.nn.parameter import Parameter
from kernbench.tp.config import ModelParallelConfig
from kernbench.tp.utils import (
    divide,
    get_pg_rank,
    get_pg_size,
    get_tensor_model_parallel_group_if_none,
)
from kernbench.tp.weights import initialize_on_device, initialize_on_host

__all__ = ["SplitLayer"]


class SplitLayer(Module):
    """The group, and a weight that is split along one dimension.

    Parameters
    ----------
    config : ModelParallelConfig
        How weights begin, and of what dtype.
    tp_group : group
        The ranks that share the weight; None: the tensor group, or that of experts.
    is_expert : bool
        Whether it belongs to an expert.
    """

    weight: Any
    bias: Any

    def __init__(self, config: ModelParallelConfig, tp_group: Any, is_expert: bool) -> None:
        super().__init__()
        if not hasattr(config, "params_dtype"):
            raise TypeError(
                f"{type(self).__name__}: expected config to be a ModelParallelConfig, got "
                f"{config!r}"
            )
        self.config, self.is_expert = config, is_expert
        self.tp_group = get_tensor_model_parallel_group_if_none(tp_group, is_expert)
        self.world_size = get_pg_size(self.tp_group)
        self.rank = get_pg_rank(self.tp_group)

    def _make_weight(
        self,
        whole: tuple[int, int],
        dim: int,
        init_method: Callable[[Any], Any],
        stride: int,
        keep_master: bool,
    ) -> None:
        config = self.config
        if config.perform_initialization and not callable(init_method):
            raise TypeError(
                f"{type(self).__name__}: expected init_method to be a function that fills a "
                f"weight, got {init_method!r}"
            )
        shape = list(whole)
        shape[dim] = divide(shape[dim], self.world_size)
        on_host = config.use_cpu_initialization
        where = "cpu" if on_host else "cuda"
        self.weight = Parameter(call("empty", shape, device=where, dtype=config.params_dtype))
        self.master_weight = None
        if not config.perform_initialization:
            pass
        elif on_host:
            self.master_weight = initialize_on_host(
                self.weight,
                whole,
                dim,
                init_method,
                stride,
                self.rank,
                self.world_size,
                keep_master,
            )
        else:
            initialize_on_device(self.weight, init_method, dim, stride, self.is_expert)
        self.weight.allreduce = not self.is_expert

    def _make_bias(self, size: int, wanted: bool) -> None:
        if not wanted:
            self.register_parameter("bias", None)
            return
        where = "cpu" if self.config.use_cpu_initialization else "cuda"
        self.bias = Parameter(call("empty", size, device=where, dtype=self.config.params_dtype))
        if self.config.perform_initialization:
            with no_grad():
                self.bias.zero_()
        self.bias.allreduce = not self.is_expert
