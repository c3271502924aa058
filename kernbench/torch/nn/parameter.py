"""``torch.nn.parameter``: where scripts import ``Parameter`` from."""

from __future__ import annotations

from kernbench.runtime.nn.parameter import Buffer, Parameter

__all__ = ["Buffer", "Parameter"]
