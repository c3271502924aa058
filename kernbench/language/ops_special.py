"""``tl`` functions of one float: exponentials, roots, rounding and the like (ADR-0042).

Each is one MATH command.  Results of fp32 are at most 1 unit in the last place off, and equal on
every computer.
"""

from __future__ import annotations

from kernbench.language.arithmetic import special
from kernbench.language.builtin import Builtin, builtin
from kernbench.language.emitter import Emitter
from kernbench.language.values import Operand, Value


def _special(name: str, text: str, given: str, results: str) -> Builtin:
    """Make ``tl.name``; of `given`, four numbers, it makes `results`."""

    def function(e: Emitter, x: Operand) -> Value:
        return special(e, name, x)

    function.__doc__ = f"""{text}, element by element.

    Parameters
    ----------
    x : tensor
        Of fp32 or fp64; what is narrower is to be cast first.

    Returns
    -------
    tensor
        Of the type and shape of `x`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(x_ptr + offs, tl.{name}(tl.load(x_ptr + offs)))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor({given})
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy().round(3))
    {results}
    """
    return builtin(name, method=True)(function)


_NUMBERS = "[0.5, 1.0, 2.0, 4.0]"
_ANGLES = "[0.0, 0.5236, 1.5708, 3.1416]"
_SIGNED = "[-1.5, -0.5, 0.5, 2.0]"

exp = _special("exp", "e to the power of `x`", _SIGNED, "[0.223 0.607 1.649 7.389]")
exp2 = _special("exp2", "2 to the power of `x`", _SIGNED, "[0.354 0.707 1.414 4.   ]")
log = _special("log", "The natural logarithm of `x`", _NUMBERS, "[-0.693  0.     0.693  1.386]")
log2 = _special("log2", "The logarithm of `x` to base 2", _NUMBERS, "[-1.  0.  1.  2.]")
sin = _special("sin", "The sine of `x`, in radians", _ANGLES, "[ 0.   0.5  1.  -0. ]")
cos = _special("cos", "The cosine of `x`, in radians", _ANGLES, "[ 1.     0.866 -0.    -1.   ]")
tanh = _special("tanh", "The hyperbolic tangent of `x`", _SIGNED, "[-0.905 -0.462  0.462  0.964]")
erf = _special("erf", "The error function of `x`", _SIGNED, "[-0.966 -0.52   0.52   0.995]")
sqrt = _special("sqrt", "The square root of `x`", _NUMBERS, "[0.707 1.    1.414 2.   ]")
rsqrt = _special("rsqrt", "One over the square root of `x`", _NUMBERS, "[1.414 1.    0.707 0.5  ]")
floor = _special("floor", "The greatest whole number up to `x`", _SIGNED, "[-2. -1.  0.  2.]")
ceil = _special("ceil", "The least whole number from `x` on", _SIGNED, "[-1. -0.  1.  2.]")
sigmoid = _special("sigmoid", "``1 / (1 + exp(-x))``", _SIGNED, "[0.182 0.378 0.622 0.881]")


@builtin("sqrt_rn", method=True)
def sqrt_rn(e: Emitter, x: Operand) -> Value:
    """Return the square root of `x`, rounded to nearest; ``sqrt`` is too, on this machine.

    Parameters
    ----------
    x : tensor
        Of fp32 or fp64.

    Returns
    -------
    tensor
        Of the type and shape of `x`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     offs = tl.arange(0, 4)
    ...     x = tl.load(x_ptr + offs)
    ...     tl.store(x_ptr + offs, tl.sqrt_rn(x))
    >>> with kb.Context("small") as ctx:
    ...     x = ctx.tensor([1.0, 4.0, 9.0, 16.0])
    ...     _ = kernel[(1,)](x)
    ...     print(x.numpy())
    [1. 2. 3. 4.]
    """
    return special(e, "sqrt", x)
