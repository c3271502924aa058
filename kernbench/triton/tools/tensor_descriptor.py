"""``triton.tools.tensor_descriptor``: descriptors that the host makes; names only."""

from __future__ import annotations

from kernbench.language.host_descriptor import TensorDescriptor

__all__ = ["TensorDescriptor"]
