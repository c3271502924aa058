"""``torch.FloatTensor`` and its kind: a constructor, and a type to ask for."""

from __future__ import annotations

from typing import Any

from kernbench.runtime import dispatch
from kernbench.runtime.dtypes import dtype
from kernbench.runtime.tensor import Tensor

__all__ = ["legacy_class"]


class _Legacy(type):
    """The type of legacy tensor types."""

    dtype: dtype

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a host tensor of the type's dtype."""
        return dispatch.call("Tensor", *args, kind=cls.dtype, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype and instance.is_cpu


def legacy_class(name: str, kind: dtype) -> Any:
    """Make ``torch.<name>`` for a dtype."""
    return _Legacy(name, (), {"dtype": kind, "__module__": "torch"})
