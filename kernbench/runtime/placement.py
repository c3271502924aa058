"""Placements: how a tensor's bytes are spread over the HBM slices of its SIP (ADR-0045).

A slice is the part of a cube's HBM that belongs to one PE.  ``Local`` may name an SRAM or a TCM
instead.  Whatever the placement, a tensor has one contiguous virtual range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Blocked", "Interleaved", "Local", "Placement", "Replicated", "Sharded"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Base of all placements."""

    @property
    def in_tcm(self) -> bool:
        """Whether the bytes lie where kernels have their tiles."""
        return False

    def map_arguments(self, shape: Sequence[int], item_nbytes: int) -> dict[str, Any]:
        """Say what the engine must know of it, for a dense tensor of this shape."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Blocked(Placement):
    """Slice j, in PE order, holds the j-th part, rounded up to 4 KiB: the default.

    Programs that are dealt out in blocks find their rows at home.
    """

    def map_arguments(self, shape: Sequence[int], item_nbytes: int) -> dict[str, Any]:
        """Say what the engine must know of it, for a dense tensor of this shape."""
        return {"placement": "blocked"}


@dataclass(frozen=True, slots=True)
class Interleaved(Placement):
    """Chunk i of ``chunk`` bytes lies on slice i mod slices."""

    chunk: int = 65536

    def map_arguments(self, shape: Sequence[int], item_nbytes: int) -> dict[str, Any]:
        """Say what the engine must know of it, for a dense tensor of this shape."""
        return {"placement": "interleaved", "chunk_nbytes": self.chunk}


@dataclass(frozen=True, slots=True)
class Replicated(Placement):
    """One copy per cube, interleaved over the cube's slices; a kernel's store to it is an error."""

    def map_arguments(self, shape: Sequence[int], item_nbytes: int) -> dict[str, Any]:
        """Say what the engine must know of it, for a dense tensor of this shape."""
        return {"placement": "replicated"}


@dataclass(frozen=True, slots=True)
class Sharded(Placement):
    """Dimension ``dim`` is cut into equal parts, one per slice."""

    dim: int = 0

    def map_arguments(self, shape: Sequence[int], item_nbytes: int) -> dict[str, Any]:
        """Say what the engine must know of it, for a dense tensor of this shape."""
        if not -len(shape) <= self.dim < len(shape):
            raise IndexError(
                f"Sharded: expected a dimension of a tensor of {len(shape)} dimensions, "
                f"got {self.dim}"
            )
        dim = self.dim % len(shape)
        return {
            "placement": "sharded",
            "dim_count": shape[dim],
            "inner_nbytes": math.prod(shape[dim + 1 :]) * item_nbytes,
        }


@dataclass(frozen=True, slots=True)
class Local(Placement):
    """The whole tensor in one memory of the SIP.

    Host copies come to it through M_CPU.DMA, and kernels load and store it through their PE's DMA,
    over the network, as any other tensor.  What lies in TCM is taken from what the PE's kernels
    have for their tiles.

    Parameters
    ----------
    node : int or str
        A slice of HBM by its number, counted through the cubes of the SIP, or an SRAM or a TCM by
        the name of its node, such as ``"cube0.sram"`` or ``"cube0.pe1.tcm"``; the SIP's own name
        may stand in front.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context(kb.Topology.preset("small")) as ctx:
    ...     x = ctx.zeros(4, placement=kb.Local("cube0.sram"))
    ...     x.tolist()
    [0.0, 0.0, 0.0, 0.0]
    """

    node: int | str

    @property
    def in_tcm(self) -> bool:
        """Whether the bytes lie where kernels have their tiles."""
        return isinstance(self.node, str) and self.node.endswith(".tcm")

    def map_arguments(self, shape: Sequence[int], item_nbytes: int) -> dict[str, Any]:
        """Say what the engine must know of it, for a dense tensor of this shape."""
        where = "node" if isinstance(self.node, str) else "slice"
        return {"placement": "local", where: self.node}
