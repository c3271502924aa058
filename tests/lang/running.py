"""Runs a kernel twice, in the interpreter and on the engine of a small machine, and compares."""

from __future__ import annotations

from typing import Any

import numpy as np
from kir_interpreter import disassemble, launch

import kernbench

HAS_ENGINE = hasattr(kernbench._core, "Kernel")


class FakeTensor:
    """What a kernel sees of a tensor: a pointer with a dtype."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.dtype = {"float8_e4m3fn": "float8e4nv", "float8_e5m2": "float8e5"}.get(
            array.dtype.name, array.dtype.name
        )

    def data_ptr(self) -> int:
        return 0


def is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0


def compiled(kernel: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the compiled kernel; NumPy arrays with dimensions stand for tensors."""
    made = kernel.compile(*(FakeTensor(arg) if is_array(arg) else arg for arg in args), **kwargs)
    if HAS_ENGINE:
        kernbench._core.Kernel(made.code)
    return made


def run(kernel: Any, grid: Any, *args: Any, engine: bool = True, **kwargs: Any) -> int:
    """Run it, arrays being written in place; return the number of instructions interpreted."""
    made = compiled(kernel, *args, **kwargs)
    names = [p.name for p in made.params]
    grid = (grid,) if isinstance(grid, int) else grid
    before = [arg.copy() if is_array(arg) else arg for arg in args]
    by_name = dict(zip(kernel.arg_names, args, strict=False)) | kwargs
    count = launch(made.code, grid, [by_name[name] for name in names])
    if engine and HAS_ENGINE:
        for place, (mine, interpreted) in enumerate(
            zip(on_engine(kernel, grid, before, kwargs), args, strict=True)
        ):
            if is_array(interpreted):
                same(mine, interpreted, kernel.arg_names[place])
    return count


def on_engine(kernel: Any, grid: Any, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
    """Return the arguments as the engine leaves them."""
    with kernbench.Context(kernbench.Topology.preset("small")) as ctx:
        given = [ctx.tensor(arg) if is_array(arg) else arg for arg in args]
        kernel[grid](*given, **kwargs)
        return [g.numpy() if is_array(a) else a for g, a in zip(given, args, strict=True)]


def same(engine: np.ndarray, interpreter: np.ndarray, name: str) -> None:
    """Compare: integers bit for bit, floats to what rounding in another order may change."""
    if interpreter.dtype.kind in "iub":
        np.testing.assert_array_equal(engine, interpreter, err_msg=name)
        return
    digits = {2: 4e-3, 4: 1e-4, 8: 1e-10}.get(interpreter.dtype.itemsize, 0.13)
    wide = [np.asarray(array, np.float64) for array in (engine, interpreter)]
    np.testing.assert_allclose(*wide, rtol=digits, atol=digits, err_msg=name)


def text(kernel: Any, *args: Any, **kwargs: Any) -> str:
    """Return the disassembly."""
    return disassemble(compiled(kernel, *args, **kwargs).code)
