"""``tl.extra.cuda``: an older place of ``libdevice``, and how launches overlap on such machines.

There a launch may begin before the one that it depends on has ended.  Here it begins afterwards, so
these functions do nothing.
"""

from __future__ import annotations

from kernbench.language import libdevice
from kernbench.language.builtin import builtin
from kernbench.language.emitter import Emitter

__all__ = ["gdc_launch_dependents", "gdc_wait", "libdevice"]


@builtin()
def gdc_wait(e: Emitter) -> None:
    """Wait for the launches before this one, which have ended: nothing happens.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     tl.extra.cuda.gdc_wait()
    ...     tl.store(x_ptr, tl.load(x_ptr) + 1)
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [2.]
    """


@builtin()
def gdc_launch_dependents(e: Emitter) -> None:
    """Let the launches after this one begin, which they do when it has ended: nothing happens.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     tl.store(x_ptr, tl.load(x_ptr) + 1)
    ...     tl.extra.cuda.gdc_launch_dependents()
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [2.]
    """
