"""The face of kernbench that scripts import as ``triton``: names only, no logic."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kernbench import language
from kernbench.errors import CompilationError, KernbenchError, OutOfResources
from kernbench.language import JITFunction, cdiv, constexpr_function, jit, next_power_of_2
from kernbench.runtime.driver import set_allocator
from kernbench.runtime.tuning import Autotuner, Config, Heuristics, autotune, heuristics

if TYPE_CHECKING:
    from kernbench.triton import runtime, testing

TritonError = KernbenchError

__version__ = "3.7.1"

__all__ = [
    "Autotuner",
    "CompilationError",
    "Config",
    "Heuristics",
    "JITFunction",
    "OutOfResources",
    "TritonError",
    "__version__",
    "autotune",
    "cdiv",
    "constexpr_function",
    "heuristics",
    "jit",
    "language",
    "next_power_of_2",
    "runtime",
    "set_allocator",
    "testing",
]


def __getattr__(name: str) -> Any:
    if name in ("runtime", "testing"):
        return importlib.import_module(f"kernbench.triton.{name}")
    if name.startswith("__"):
        raise AttributeError(name)
    return _Missing(name)


class _Missing:
    """A name of Triton's that kernbench lacks: it can be imported, and not be called."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse."""
        raise NotImplementedError(f"kernbench: triton.{self._name} is not modelled")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Missing(f"{self._name}.{name}")

    def __repr__(self) -> str:
        return f"<triton.{self._name}: not modelled by kernbench>"
