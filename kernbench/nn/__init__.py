"""Modules and layers, under torch's names (``torch.nn``)."""

from __future__ import annotations

from kernbench.nn import init
from kernbench.nn.activation import (
    GELU,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    Dropout,
    Flatten,
    L1Loss,
    LeakyReLU,
    LogSoftmax,
    MSELoss,
    NLLLoss,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from kernbench.nn.container import ModuleDict, ModuleList, ParameterList, Sequential
from kernbench.nn.linear import Embedding, Identity, Linear
from kernbench.nn.module import Module
from kernbench.nn.norm import LayerNorm, RMSNorm
from kernbench.nn.parameter import Buffer, Parameter

__all__ = [
    "GELU",
    "BCEWithLogitsLoss",
    "Buffer",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "Identity",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
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
    "init",
]
