"""``torch.strided``, ``torch.contiguous_format`` and their kind: names that mean themselves."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "Layout",
    "MemoryFormat",
    "channels_last",
    "contiguous_format",
    "preserve_format",
    "sparse_coo",
    "strided",
]


@dataclass(frozen=True, slots=True, repr=False)
class Layout:
    """How a tensor is held."""

    name: str

    def __repr__(self) -> str:
        return f"torch.{self.name}"


@dataclass(frozen=True, slots=True, repr=False)
class MemoryFormat:
    """In what order a tensor lies."""

    name: str

    def __repr__(self) -> str:
        return f"torch.{self.name}"


strided = Layout("strided")
sparse_coo = Layout("sparse_coo")
contiguous_format = MemoryFormat("contiguous_format")
preserve_format = MemoryFormat("preserve_format")
channels_last = MemoryFormat("channels_last")
