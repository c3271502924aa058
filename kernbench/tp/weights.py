"""Weights that are split over ranks: how they are drawn, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernbench.autograd import no_grad
from kernbench.runtime import Tensor
from kernbench.runtime.dispatch import call
from kernbench.runtime.dtypes import BY_NAME
from kernbench.tp.random import MODEL_PARALLEL, get_cuda_rng_tracker
from kernbench.tp.random import get_expert_parallel_rng_tracker_name as expert_name
from kernbench.tp.utils import divide

__all__ = [
    "copy_tensor_model_parallel_attributes",
    "initialize_on_device",
    "initialize_on_host",
    "param_is_not_tensor_parallel_duplicate",
    "set_defaults_if_not_set_tensor_model_parallel_attributes",
    "set_tensor_model_parallel_attributes",
]

_DEFAULTS = {"tensor_model_parallel": False, "partition_dim": -1, "partition_stride": 1}


def set_tensor_model_parallel_attributes(
    tensor: Tensor, is_parallel: bool, dim: int, stride: int
) -> None:
    """Say of a weight whether, and along which dimension, it is split."""
    held: Any = tensor
    for name in _DEFAULTS:
        assert not hasattr(tensor, name), f"{name} is set already"
    held.tensor_model_parallel, held.partition_dim, held.partition_stride = is_parallel, dim, stride


def set_defaults_if_not_set_tensor_model_parallel_attributes(tensor: Tensor) -> None:
    """Say of a weight that it is not split, unless something was said."""
    for name, value in _DEFAULTS.items():
        if not hasattr(tensor, name):
            setattr(tensor, name, value)


def copy_tensor_model_parallel_attributes(
    destination_tensor: Tensor, source_tensor: Tensor
) -> None:
    """Say of a weight what is said of another."""
    for name in _DEFAULTS:
        if hasattr(source_tensor, name):
            setattr(destination_tensor, name, getattr(source_tensor, name))


def param_is_not_tensor_parallel_duplicate(param: Any, tp_group: Any = None) -> bool:
    """Whether a weight is to be counted on this rank: split, or on the first rank."""
    from kernbench.tp.parallel_state import get_tensor_model_parallel_rank

    rank = get_tensor_model_parallel_rank() if tp_group is None else tp_group.rank()
    return getattr(param, "tensor_model_parallel", False) or rank == 0


def initialize_on_host(
    weight: Tensor,
    whole_shape: tuple[int, int],
    dim: int,
    init_method: Callable[[Any], Any],
    stride: int,
    rank: int,
    size: int,
    keep: bool,
) -> Tensor | None:
    """Draw the whole weight on the host, and take this rank's part of it.

    All ranks draw the same numbers, so the parts of any division are slices of one weight.
    """
    set_tensor_model_parallel_attributes(weight, True, dim, stride)
    master = call("empty", whole_shape, dtype=BY_NAME["float32"], device="cpu")
    init_method(master)
    master = call("to", master, weight.dtype)
    part = divide(divide(whole_shape[dim], size), stride)
    pieces = call("split", master, part, dim)
    mine = call("cat", list(pieces[rank::size]), dim)
    with no_grad():
        weight.copy_(mine)
    return master if keep else None


def initialize_on_device(
    weight: Tensor,
    init_method: Callable[[Any], Any],
    dim: int,
    stride: int,
    is_expert: bool,
) -> None:
    """Draw this rank's part on its device, from the rank's own random state."""
    set_tensor_model_parallel_attributes(weight, True, dim, stride)
    tracker = get_cuda_rng_tracker()
    if not tracker.is_initialized():
        init_method(weight)
        return
    with tracker.fork(expert_name() if is_expert else MODEL_PARALLEL):
        init_method(weight)
