"""``torch.cuda.nccl``: a version to print."""

from __future__ import annotations

__all__ = ["is_available", "version"]


def version() -> tuple[int, int, int]:
    """Return the version whose behaviour collectives follow."""
    return (2, 27, 5)


def is_available(tensors: object = None) -> bool:
    """Return True: collectives run on the machine."""
    return True
