"""``torch.backends``: switches that scripts set; products are IEEE chains whatever they say."""

from __future__ import annotations

from typing import Any

from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.switches import Switches

__all__ = ["cpu", "cuda", "cudnn", "mps", "opt_einsum"]

cudnn = Switches(
    "torch.backends.cudnn",
    allow_tf32=True, benchmark=False, deterministic=False, enabled=True,
    is_available=lambda: True, version=lambda: 91000,
)  # fmt: skip
cuda = Switches(
    "torch.backends.cuda",
    matmul=Switches(
        "torch.backends.cuda.matmul",
        allow_tf32=False,
        allow_fp16_reduced_precision_reduction=True,
        allow_bf16_reduced_precision_reduction=True,
    ),
    is_built=lambda: True,
    enable_flash_sdp=lambda enabled: None,
    enable_mem_efficient_sdp=lambda enabled: None,
    enable_math_sdp=lambda enabled: None,
)
mps = Switches("torch.backends.mps", is_available=lambda: False, is_built=lambda: False)
cpu = Switches("torch.backends.cpu", get_cpu_capability=lambda: "DEFAULT")
opt_einsum = Switches("torch.backends.opt_einsum", enabled=False)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.backends' has no attribute '{name}'")
    return Placeholder(f"torch.backends.{name}")
