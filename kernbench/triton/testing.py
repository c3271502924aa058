"""The face that scripts import as ``triton.testing``: names only."""

from __future__ import annotations

from kernbench.runtime.performance import Benchmark, Mark, perf_report
from kernbench.runtime.timing import do_bench, do_bench_cudagraph

__all__ = ["Benchmark", "Mark", "do_bench", "do_bench_cudagraph", "perf_report"]
