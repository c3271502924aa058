"""Compiles a kernel and interprets it; the engine's verifier sees the bytes too, if it is there."""

from __future__ import annotations

from typing import Any

import numpy as np
from kir_interpreter import disassemble, launch

import kernbench

CoreKernel = getattr(kernbench._core, "Kernel", None)


class FakeTensor:
    """What a kernel sees of a tensor: a pointer with a dtype."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.dtype = {"float8_e4m3fn": "float8e4nv", "float8_e5m2": "float8e5"}.get(
            array.dtype.name, array.dtype.name
        )

    def data_ptr(self) -> int:
        return 0


def compiled(kernel: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the compiled kernel; NumPy arrays with dimensions stand for tensors."""
    wrapped = [FakeTensor(arg) if isinstance(arg, np.ndarray) and arg.ndim else arg for arg in args]
    made = kernel.compile(*wrapped, **kwargs)
    if CoreKernel is not None:
        CoreKernel(made.code)
    return made


def run(kernel: Any, grid: Any, *args: Any, **kwargs: Any) -> int:
    """Compile and interpret; arrays are written in place.  Returns instructions executed."""
    made = compiled(kernel, *args, **kwargs)
    names = [p.name for p in made.params]
    by_name = dict(zip(kernel.arg_names, args, strict=False)) | kwargs
    grid = (grid,) if isinstance(grid, int) else grid
    return launch(made.code, grid, [by_name[name] for name in names])


def text(kernel: Any, *args: Any, **kwargs: Any) -> str:
    """Return the disassembly."""
    return disassemble(compiled(kernel, *args, **kwargs).code)
