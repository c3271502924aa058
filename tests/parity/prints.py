"""Kernels that print, and how their text is compared.

The interpreter's ``(0, 0, 0)  x:  [1 2]`` is a line for each element here, as on CUDA.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from case import Case, Tensor

Printed = list[tuple[str, str, list[float]]]  # program, text, elements

KINDS = """
@jit
def kernel(x_ptr, out, n, B: tl.constexpr, NAME: tl.constexpr):
    pid = tl.program_id(0)
    offs = tl.arange(0, B)
    x = tl.load(x_ptr + pid * B + offs)
    tl.device_print("x", x)
    tl.device_print("two: ", x * 2, offs)
    tl.device_print(" ends with a blank ", n)
    tl.device_print(f"{NAME} of " + NAME, tl.sum(x), 7)
    tl.device_print("square", x[:, None] + offs[None, :])
    tl.device_print("", tl.max(x, 0))
    for i in range(2):
        if pid == i:
            tl.device_print("turn", i)
    tl.store(out + pid * B + offs, x)
"""
IN_A_HELPER = """
@jit
def note(what: tl.constexpr, x):
    tl.device_print(what, x)
    return x + 1

@jit
def kernel(x_ptr, out, B: tl.constexpr):
    offs = tl.arange(0, B)
    x = note("first", tl.load(x_ptr + offs))
    x = note("second", x)
    tl.device_print("third", x > 2)
    tl.store(out + offs, x)
"""


def prints() -> Iterator[Case]:
    """Kernels that print."""

    def of(source: str, **more: Any) -> Any:
        def arguments(rng: np.random.Generator) -> dict[str, Any]:
            x = Tensor("float32", rng.integers(-8, 8, 16).astype(np.float32) / 2)
            return {"x_ptr": x, "out": Tensor("float32", np.zeros(16, np.float32)), **more}

        return source, arguments

    texts = {
        "kinds": of(KINDS, n=3, B=4, NAME="sum"),
        "in a helper": of(IN_A_HELPER, B=8),
    }
    grids = {"kinds": (3,), "in a helper": (1,)}
    for name, source in texts.items():
        yield Case(f"prints/{name}", *source, grid=grids[name], prints=True)


def printed_by_triton(text: str) -> Printed:
    """Read what the interpreter printed."""
    found = re.findall(r"^(\(\d+, \d+, \d+\)) ( ?[^\n]*?: | [^\n]*?) (\[[^()]*\])$", text, re.M)
    numbers = [re.findall(r"True|False|[-\d.]+(?:e[-+]\d+)?", values) for _, _, values in found]
    return [
        (pid, prefix.strip(), [float({"True": 1, "False": 0}.get(n, n)) for n in values])
        for (pid, prefix, _), values in zip(found, numbers, strict=True)
    ]


def printed_here(text: str) -> Printed:
    """Read what kernbench printed: elements that follow each other belong together."""
    made: Printed = []
    for line in text.splitlines():
        match = re.fullmatch(
            r"pid (\(\d+, \d+, \d+\)) idx \(([ \d,]*)\)(.*: )(?:\(operand (\d+)\) )?(\S+)", line
        )
        assert match, line
        pid, place, prefix, _, value = match.groups()
        if re.fullmatch(r"[ 0,]*", place):
            made.append((pid, prefix.strip(), []))
        assert made[-1][:2] == (pid, prefix.strip())
        made[-1][2].append(float(value))
    return made
