"""The face that scripts import as ``triton.testing``: names only."""

from __future__ import annotations

from kernbench.runtime.timing import do_bench, do_bench_cudagraph

__all__ = ["do_bench", "do_bench_cudagraph"]
