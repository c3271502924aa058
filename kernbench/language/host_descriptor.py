"""Tensor descriptors that the host makes, and hands to kernels as arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kernbench.language.dtypes import pointer_type, to_dtype

__all__ = ["TensorDescriptor"]


@dataclass(frozen=True, slots=True)
class DescriptorType:
    """What a kernel is compiled for when an argument is a descriptor."""

    base: pointer_type
    block_shape: tuple[int, ...]


@dataclass(slots=True)
class TensorDescriptor:
    """A tensor of `shape` elements from `base` on, which a kernel moves in blocks.

    In the kernel it is what ``tl.make_tensor_descriptor`` makes there: it has ``load`` and
    ``store``.

    Attributes
    ----------
    base : tensor
        On the device.
    shape, strides : sequence of int
        In elements.
    block_shape : sequence of int
        Of a tile: powers of 2.
    padding : {"zero"}
        What is read outside of `shape`.

    Raises
    ------
    TypeError, ValueError
        For a base that is no tensor, lengths that differ, or another padding.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> from kernbench.triton.tools.tensor_descriptor import TensorDescriptor
    >>> @kb.jit
    ... def kernel(source, target):
    ...     target.store((0, 0), source.load((1, 2)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    ...     out = ctx.tensor([[0.0] * 2] * 2)
    ...     source = TensorDescriptor(x, shape=[3, 3], strides=[3, 1], block_shape=[2, 2])
    ...     _ = kernel[(1,)](source, TensorDescriptor(out, [2, 2], [2, 1], [2, 2]))
    ...     print(out.numpy())
    [[6. 0.]
     [9. 0.]]
    """

    base: Any
    shape: Sequence[int]
    strides: Sequence[int]
    block_shape: Sequence[int]
    padding: str = "zero"

    def __post_init__(self) -> None:
        if not (hasattr(self.base, "data_ptr") and hasattr(self.base, "dtype")):
            raise TypeError(
                f"TensorDescriptor: expected a tensor as base, got a {type(self.base).__name__}"
            )
        lengths = [len(part) for part in (self.shape, self.strides, self.block_shape)]
        if len(set(lengths)) > 1 or not lengths[0]:
            raise ValueError(
                "TensorDescriptor: expected shape, strides and block_shape of one length, got "
                f"{', '.join(map(str, lengths))}"
            )
        if self.padding != "zero":
            raise ValueError(
                f"TensorDescriptor: expected padding 'zero', the only one supported, got "
                f"{self.padding!r}"
            )

    @classmethod
    def from_tensor(
        cls, tensor: Any, block_shape: Sequence[int], padding: str = "zero"
    ) -> TensorDescriptor:
        """Describe a whole tensor."""
        return cls(tensor, list(tensor.shape), list(tensor.stride()), block_shape, padding)

    @property
    def type(self) -> DescriptorType:
        """What a kernel is compiled for."""
        base = pointer_type(to_dtype(self.base.dtype))
        return DescriptorType(base, tuple(int(size) for size in self.block_shape))

    @property
    def values(self) -> tuple[Any, ...]:
        """What a kernel is given: base, shape, strides."""
        return (self.base, *map(int, self.shape), *map(int, self.strides))
