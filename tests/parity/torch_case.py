"""One case of the tensor tests: an expression, evaluated under torch and under kernbench.torch.

Nothing here needs either: both sides are given their module as ``torch``.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

SEED = 20260801
LIMITS = {
    "uint8": (0, 200),
    "int8": (-100, 100),
    "int16": (-300, 300),
    "int32": (-1000, 1000),
    "int64": (-1000, 1000),
    "bool": (0, 2),
}


@dataclass(frozen=True)
class Given:
    """An input: made of random numbers, seen through a view.

    ``range`` bounds the numbers; ``view`` is an expression in ``x``.  ``special`` puts
    in infinities, NaN and zeros.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    view: str = "x"
    range: tuple[float, float] | None = None
    special: bool = False

    def make(self, torch: Any, seed: int, device: str | None = None) -> Any:
        rng = np.random.default_rng(seed)
        kind = getattr(torch, self.dtype)
        if self.dtype in LIMITS:
            low, high = self.range or LIMITS[self.dtype]
            array = rng.integers(int(low), max(int(high), int(low) + 1), self.shape)
            x = torch.from_numpy(np.asarray(array)).to(kind)
        else:
            low, high = self.range or (-3, 3)
            array = np.asarray(rng.uniform(low, high, self.shape))
            if self.special and array.size > 4:
                flat = array.reshape(-1)
                flat[rng.permutation(array.size)[:5]] = [np.inf, -np.inf, np.nan, 0.0, -0.0]
            if "complex" in self.dtype:
                array = array + 1j * rng.uniform(low, high, self.shape)
            x = torch.from_numpy(array).to(kind)
        if device is not None:
            x = x.to(device)
        return eval(self.view, {"torch": torch, "x": x})


@dataclass(frozen=True)
class TensorCase:
    """An expression over ``torch`` and the inputs a, b, c.

    ``ulps`` is how far floating results may lie apart, in units of the last place of the result's
    dtype at the size of ``scale`` or more.  ``machine`` says whether tensors on the simulated
    machine are tried too; ``machine_ulps`` how far those may lie.
    """

    name: str
    expression: str
    given: tuple[Given, ...] = ()
    ulps: float = 0
    scale: float = 0
    machine: bool = True
    machine_ulps: float | None = None
    strides: bool = True
    setup: str = ""

    @property
    def seed(self) -> int:
        return zlib.crc32(self.name.encode()) ^ SEED

    def run(self, torch: Any, device: str | None = None) -> dict[str, Any]:
        """Return what it gives, described in plain data."""
        names = {
            letter: given.make(torch, self.seed + place, device)
            for place, (letter, given) in enumerate(zip("abcd", self.given, strict=False))
        }
        scope = {"torch": torch, "np": np, **names}
        torch.manual_seed(self.seed)
        try:
            if self.setup:
                exec(self.setup, scope)
            value = eval(self.expression, scope)
        except Exception as error:
            return {"kind": "error", "class": type(error).__name__, "text": str(error)}
        return describe(value, torch)


def describe(value: Any, torch: Any) -> dict[str, Any]:
    """Return a result as plain data: dtype, shape, strides and bytes of a tensor."""
    if isinstance(value, torch.Tensor):
        kind = str(value.dtype)
        home = value.detach().cpu().contiguous()
        if "bfloat16" in kind:
            array = home.view(torch.int16).numpy()
        elif "float8" in kind:
            array = home.view(torch.uint8).numpy()
        else:
            array = home.numpy()
        return {
            "kind": "tensor",
            "dtype": kind,
            "shape": tuple(value.shape),
            "stride": tuple(value.stride()),
            "bytes": np.ascontiguousarray(array).tobytes(),
        }
    if isinstance(value, (tuple, list)) and type(value).__name__ != "Size":
        return {"kind": "list", "items": [describe(each, torch) for each in value]}
    return {"kind": "plain", "text": repr(value)}


def evaluate(expression: str, torch: Any) -> str:
    """Return what an expression gives, on one line; an error as its class and first line."""
    torch.manual_seed(zlib.crc32(expression.encode()) ^ SEED)
    a = Given((3, 4)).make(torch, SEED)
    torch.set_printoptions(precision=4)
    try:
        return repr(repr(eval(expression, {"torch": torch, "np": np, "a": a})))
    except Exception as error:
        lines = str(error).splitlines() or [""]
        return f"{type(error).__name__}: {lines[0]}"
