"""``torch.nn``: modules, parameters, ``functional`` and ``init``."""

from __future__ import annotations

import importlib
from typing import Any

from kernbench.runtime.nn import init
from kernbench.runtime.nn.containers import ModuleDict, ModuleList, ParameterList, Sequential
from kernbench.runtime.nn.layers import (
    ELU,
    GELU,
    GLU,
    CrossEntropyLoss,
    Dropout,
    Embedding,
    Flatten,
    Hardswish,
    Identity,
    L1Loss,
    LayerNorm,
    LeakyReLU,
    Linear,
    LogSoftmax,
    Mish,
    MSELoss,
    NLLLoss,
    ReLU,
    RMSNorm,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from kernbench.runtime.nn.module import Module
from kernbench.runtime.nn.parameter import Buffer, Parameter
from kernbench.runtime.placeholder import Placeholder
from kernbench.torch._advice import advice
from kernbench.torch.nn import functional, parameter, utils

__all__ = [
    "ELU",
    "GELU",
    "GLU",
    "Buffer",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "Hardswish",
    "Identity",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "NLLLoss",
    "Parameter",
    "ParameterList",
    "RMSNorm",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "functional",
    "init",
    "parameter",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.nn' has no attribute '{name}'")
    if name in ("modules", "parallel"):  # all of torch.distributed comes with `parallel`
        return importlib.import_module(f"kernbench.torch.nn.{name}")
    from kernbench.torch._known import NN

    if name not in NN:
        raise AttributeError(f"module 'torch.nn' has no attribute '{name}'")
    return Placeholder(f"torch.nn.{name}", advice(name))
