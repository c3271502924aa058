"""``do_bench``: the simulated time of what is launched."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, Literal

from kernbench.runtime.context import current_context

__all__ = ["do_bench", "do_bench_cudagraph"]

Mode = Literal["mean", "median", "min", "max", "all"]


def do_bench(
    fn: Callable[[], Any],
    warmup: int = 25,
    rep: int = 100,
    grad_to_none: Sequence[Any] | None = None,
    quantiles: Sequence[float] | None = None,
    return_mode: Mode = "mean",
) -> Any:
    """Return the simulated time of `fn`, in milliseconds, from call to completion.

    Parameters
    ----------
    fn : callable
        Launches what is to be timed.
    warmup, rep : int
        Milliseconds to repeat it for in Triton.  Here it runs once to warm up and three times to be
        timed: the machine has no noise, but memory may be refreshed.
    grad_to_none : sequence of Tensor, optional
        Their gradients are dropped before each run.
    quantiles : sequence of float, optional
        Return these quantiles instead.
    return_mode : {"mean", "median", "min", "max", "all"}
        What to return.

    Notes
    -----
    Differs from Triton: times are simulated, and caches are not cleared, as there are none.

    Examples
    --------
    >>> import kernbench as kb
    >>> with kb.Context("small") as ctx:
    ...     do_bench(lambda: ctx.tensor([1.0])) > 0
    True
    """
    if return_mode not in ("mean", "median", "min", "max", "all"):
        raise ValueError(f"return_mode: expected mean, median, min, max or all, got {return_mode}")
    context = current_context()
    fn()
    times = []
    for _ in range(3):
        for tensor in grad_to_none or ():
            tensor.grad = None
        context.synchronize()
        begin_fs = context.now_fs
        fn()
        context.synchronize()
        times.append((context.now_fs - begin_fs) / 1e12)
    if quantiles is not None:
        found = [_quantile(sorted(times), q) for q in quantiles]
        return found[0] if len(found) == 1 else found
    if return_mode == "all":
        return times
    if return_mode == "mean":
        return statistics.fmean(times)
    if return_mode == "median":
        return statistics.median(times)
    return min(times) if return_mode == "min" else max(times)


do_bench_cudagraph = do_bench


def _quantile(ordered: list[float], q: float) -> float:
    if not 0 <= q <= 1:
        raise ValueError("Quantiles must be in the range [0, 1]")
    point = q * (len(ordered) - 1)
    low = int(point)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (point - low) * (ordered[high] - ordered[low])
