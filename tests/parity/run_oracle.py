"""Runs the cases under Triton's interpreter: ``python run_oracle.py RESULTS.npz [NAME ...]``.

The Python that runs this has torch and triton, and no kernbench.  What a case left in its outputs
is ``name:argument`` in the file; a case that Triton refused is ``name:error``, with the message.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"

import numpy as np
import torch
import triton
import triton.language as tl
from case import Case, Tensor, define, is_output
from cases import all_cases

TORCH = {
    "int1": torch.bool,
    "float8e4nv": torch.float8_e4m3fn,
    "float8e5": torch.float8_e5m2,
}


def to_torch(tensor: Tensor) -> Any:
    dtype = TORCH.get(tensor.dtype) or getattr(torch, tensor.dtype)
    return torch.from_numpy(tensor.data.copy()).view(dtype)


def run(case: Case) -> dict[str, Any]:
    given = case.make()
    args = {name: to_torch(v) if isinstance(v, Tensor) else v for name, v in given.items()}
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            define(case, tl, triton.jit)[case.grid](**args)
    except Exception as error:
        while error.__cause__ is not None:
            error = error.__cause__
        return {"error": np.array(f"{type(error).__name__}: {error}")}
    outputs = {
        name: args[name].view(getattr(torch, value.data.dtype.name)).numpy()
        for name, value in given.items()
        if is_output(name)
    }
    return outputs | ({"printed": np.array(text.getvalue())} if case.prints else {})


def main() -> None:
    path = sys.argv[1]
    warnings.simplefilter("ignore")
    wanted = set(sys.argv[2:])
    results = {}
    for case in all_cases():
        if not wanted or case.name in wanted:
            results |= {f"{case.name}:{key}".replace("/", "\\"): v for key, v in run(case).items()}
    np.savez(path, **results)


if __name__ == "__main__":
    main()
