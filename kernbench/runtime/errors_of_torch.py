"""torch's own exception classes, as far as scripts catch them."""

from __future__ import annotations

from kernbench.errors import OutOfMemoryError

__all__ = ["AcceleratorError", "OutOfMemoryError"]


class AcceleratorError(RuntimeError):
    """What torch raises for errors of a device; kernbench raises its own classes."""
