"""Cutting tensors and vocabularies for a group of ranks (names as in Megatron-core)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench import distributed as dist
from kernbench.runtime import Tensor
from kernbench.runtime.dispatch import call
from kernbench.tp import parallel_state

__all__ = [
    "VocabUtility",
    "divide",
    "ensure_divisibility",
    "gather_split_1d_tensor",
    "get_pg_rank",
    "get_pg_size",
    "get_tensor_model_parallel_group_if_none",
    "split_tensor_along_last_dim",
    "split_tensor_into_1d_equal_chunks",
]


def ensure_divisibility(numerator: int, denominator: int, what: str = "") -> None:
    """Raise an AssertionError unless `denominator` divides `numerator`; `what` is divided."""
    assert numerator % denominator == 0, (
        f"{numerator} is not divisible by {denominator}{', ' if what else ''}{what}"
    )


def divide(numerator: int, denominator: int, what: str = "") -> int:
    """Return the quotient of a division without remainder; `what` is divided, for the message."""
    ensure_divisibility(numerator, denominator, what)
    return numerator // denominator


def get_pg_size(group: Any = None) -> int:
    """Return a group's size; 1 for None, and before ``torch.distributed`` is initialised."""
    return group.size() if group is not None and dist.is_initialized() else 1


def get_pg_rank(group: Any = None) -> int:
    """Return the place in a group; 0 for None, and before ``torch.distributed`` is initialised."""
    return group.rank() if group is not None and dist.is_initialized() else 0


def get_tensor_model_parallel_group_if_none(
    tp_group: Any, is_expert: bool = False, check_initialized: bool = True
) -> Any:
    """Return `tp_group`, or the group over which (an expert's) tensors are split."""
    if tp_group is not None or not dist.is_initialized():
        return tp_group
    if is_expert:
        return parallel_state.get_expert_tensor_parallel_group(check_initialized)
    return parallel_state.get_tensor_model_parallel_group(check_initialized)


def split_tensor_along_last_dim(
    tensor: Any, num_partitions: int, contiguous_split_chunks: bool = False
) -> list[Tensor]:
    """Cut a tensor of shape ``(..., n)`` into equal parts ``(..., n / num_partitions)``.

    The parts are views unless `contiguous_split_chunks` asks for copies.
    """
    shape = tuple(tensor.shape)
    size = divide(shape[-1], num_partitions, f"the last dimension of shape {shape} among ranks")
    parts = [tensor[..., i * size : (i + 1) * size] for i in range(num_partitions)]
    return [part.contiguous() for part in parts] if contiguous_split_chunks else parts


def split_tensor_into_1d_equal_chunks(
    tensor: Tensor, new_buffer: bool = False, tp_group: Any = None
) -> Tensor:
    """Return this rank's part of the flattened tensor: a view, or a copy for `new_buffer`."""
    group = get_tensor_model_parallel_group_if_none(tp_group)
    size = tensor.numel() // group.size()
    flat = tensor.view(-1)
    start = size * group.rank()
    part: Tensor = flat[start : start + size]
    return part.clone() if new_buffer else part


def gather_split_1d_tensor(tensor: Tensor, tp_group: Any = None) -> Tensor:
    """Undo `split_tensor_into_1d_equal_chunks`: all ranks' parts, one after another."""
    group = get_tensor_model_parallel_group_if_none(tp_group)
    gathered: Tensor = call(
        "empty", group.size() * tensor.numel(), dtype=tensor.dtype, device=tensor.device
    )
    dist.all_gather_into_tensor(gathered, tensor, group=group)
    return gathered


class VocabUtility:
    """Which part ``[first, last)`` of a vocabulary a rank holds."""

    @staticmethod
    def vocab_range_from_per_partition_vocab_size(
        per_partition_vocab_size: int, rank: int, world_size: int
    ) -> Sequence[int]:
        """Return the range of `rank` from the size of each part."""
        first = rank * per_partition_vocab_size
        return first, first + per_partition_vocab_size

    @staticmethod
    def vocab_range_from_global_vocab_size(
        global_vocab_size: int, rank: int, world_size: int
    ) -> Sequence[int]:
        """Return the range of `rank` from the size of the whole."""
        size = divide(global_vocab_size, world_size, "the vocabulary among ranks")
        return VocabUtility.vocab_range_from_per_partition_vocab_size(size, rank, world_size)
