"""Derivatives of products of matrices."""

from __future__ import annotations

from typing import Any

from kernbench.autograd.recording import rule
from kernbench.runtime.dispatch import call

__all__: list[str] = []


def _t(x: Any) -> Any:
    return call("transpose", x, -2, -1)


@rule("mm", "bmm")
def mm(save: Any, result: Any, self: Any, other: Any, **names: Any) -> Any:
    a, b = save(self), save(other)
    return lambda g: call("matmul", g, _t(b())), lambda g: call("matmul", _t(a()), g)
