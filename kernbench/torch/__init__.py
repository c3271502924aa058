"""torch's names over the simulated machine: write ``import kernbench.torch as torch``.

Names only: tensors and operations stand in :mod:`kernbench.runtime` and :mod:`kernbench.ops`.
Tensors lie on the host unless told; ``device="cuda"`` is the simulated machine.  A name that
kernbench has not is a placeholder that raises NotImplementedError when it is called.

Examples
--------
>>> import kernbench.torch as torch
>>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
>>> x @ x
tensor([[ 7., 10.],
        [15., 22.]])
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from kernbench.runtime import dispatch
from kernbench.runtime.devices import device
from kernbench.runtime.dtypes import BY_NAME as _BY_NAME
from kernbench.runtime.dtypes import DTYPES, dtype, finfo, iinfo
from kernbench.runtime.enums import (
    channels_last,
    contiguous_format,
    preserve_format,
    sparse_coo,
    strided,
)
from kernbench.runtime.errors_of_torch import AcceleratorError, OutOfMemoryError
from kernbench.runtime.generator import Generator, initial_seed, manual_seed, seed
from kernbench.runtime.mixed import GradScaler, autocast, compile, is_autocast_enabled
from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.printing import set_printoptions
from kernbench.runtime.saving import load, save
from kernbench.runtime.settings import (
    are_deterministic_algorithms_enabled,
    get_default_device,
    get_float32_matmul_precision,
    get_num_threads,
    get_rng_state,
    set_default_device,
    set_default_dtype,
    set_float32_matmul_precision,
    set_num_threads,
    set_rng_state,
    use_deterministic_algorithms,
)
from kernbench.runtime.size import Size
from kernbench.runtime.tensor import Tensor
from kernbench.runtime.words import words
from kernbench.torch._advice import advice
from kernbench.torch._operation import Operation

__version__ = "2.13.0"
FACTORIES = frozenset(
    words(
        """
    arange as_tensor asarray empty empty_strided eye full linspace logspace normal ones rand
    randint randn randperm range scalar_tensor tensor tril_indices triu_indices zeros
    """
    )
)
"""Functions that ``ctx.NAME`` puts on the machine unless told."""

_SUBMODULES = frozenset(
    words(
        """
        _C _utils accelerator amp autograd backends compiler cuda jit linalg mps mtia nn ops optim
        profiler random testing utils version xpu
        """
    )
)
_PRIVATE = frozenset(words("_dynamo _inductor _library _prims_common"))
"""Modules of torch's own that libraries import from, and may then never use."""
_ELSEWHERE = {
    "distributed": "kernbench.distributed",
    "futures": "kernbench.distributed.futures",
    "multiprocessing": "kernbench.runtime.multiprocessing",
}
_ALIASES = {
    "half": "float16", "float": "float32", "double": "float64", "short": "int16", "int": "int32",
    "long": "int64", "cfloat": "complex64", "cdouble": "complex128",
}  # fmt: skip
_OF_AUTOGRAD = frozenset(
    words(
        """
    enable_grad inference_mode is_grad_enabled is_inference_mode_enabled no_grad set_grad_enabled
    """
    )
)
_LEGACY = {f"{each.label}Tensor": each for each in DTYPES}

bool = _BY_NAME["bool"]
inf = float("inf")
nan = float("nan")
pi = 3.141592653589793
e = 2.718281828459045
newaxis = None


def __getattr__(name: str) -> Any:
    found: Any
    if name in _BY_NAME:
        found = _BY_NAME[name]
    elif name in _ALIASES:
        found = _BY_NAME[_ALIASES[name]]
    elif name in _SUBMODULES or name in _ELSEWHERE:
        place = _ELSEWHERE.get(name, f"kernbench.torch.{name}")
        try:
            found = importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name != place:
                raise
            found = Placeholder(f"torch.{name}")
    elif name in ("functional", "serialization"):  # where torch defines names of its own
        found = sys.modules[__name__]
    elif name in _OF_AUTOGRAD:
        found = getattr(importlib.import_module("kernbench.autograd"), name)
    elif name in _LEGACY:
        from kernbench.torch.legacy import legacy_class

        found = legacy_class(name, _LEGACY[name])
    elif name in _PRIVATE:
        found = Placeholder(f"torch.{name}")
    elif name.startswith("_"):
        raise AttributeError(f"module 'torch' has no attribute '{name}'")
    elif dispatch.has(name):
        found = Operation(name)
    else:
        from kernbench.torch._known import TORCH

        if name not in TORCH:
            raise AttributeError(f"module 'torch' has no attribute '{name}'")
        return Placeholder(f"torch.{name}", advice(name))
    globals()[name] = found
    return found


__all__ = [
    "FACTORIES",
    "AcceleratorError",
    "Generator",
    "GradScaler",
    "OutOfMemoryError",
    "Size",
    "Tensor",
    "are_deterministic_algorithms_enabled",
    "autocast",
    "channels_last",
    "compile",
    "contiguous_format",
    "device",
    "dtype",
    "finfo",
    "get_default_device",
    "get_float32_matmul_precision",
    "get_num_threads",
    "get_rng_state",
    "iinfo",
    "initial_seed",
    "is_autocast_enabled",
    "load",
    "manual_seed",
    "preserve_format",
    "save",
    "seed",
    "set_default_device",
    "set_default_dtype",
    "set_float32_matmul_precision",
    "set_num_threads",
    "set_printoptions",
    "set_rng_state",
    "sparse_coo",
    "strided",
    "use_deterministic_algorithms",
]
