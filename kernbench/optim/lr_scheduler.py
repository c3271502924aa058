"""Schedules of learning rates, under torch's names (``torch.optim.lr_scheduler``)."""

from __future__ import annotations

from kernbench.optim.cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from kernbench.optim.decays import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from kernbench.optim.joined import ChainedScheduler, SequentialLR
from kernbench.optim.plateau import ReduceLROnPlateau
from kernbench.optim.schedule import LRScheduler

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]

_LRScheduler = LRScheduler  # its older name, from which scripts still derive
