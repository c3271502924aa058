"""How gradients go back through each operation of the table."""

from __future__ import annotations

from kernbench.autograd.rules import linear, nn, pointwise, reductions, shapes

__all__ = ["linear", "nn", "pointwise", "reductions", "shapes"]
