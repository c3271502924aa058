"""``tl.device_print``, and ``print`` in a kernel: values for the host to show."""

from __future__ import annotations

import string

from kernbench.language.builtin import builtin
from kernbench.language.emitter import Emitter
from kernbench.language.values import FALSE, Const, Operand, Refusal, TypesAsText, as_python


@builtin()
def device_print(e: Emitter, prefix: Operand, *args: Operand, hex: Operand = FALSE) -> None:
    """Print values that the kernel computes: an element a line, behind its place.

    It takes no simulated time, and the host shows it when it next waits for values: at a
    ``ctx.synchronize()``, a read of a tensor, the end of the context.  Lines are in order of
    launches, of programs, and of the source.  In a run of timing alone there is nothing to show,
    which a warning says.  ``print`` in a kernel is the same function, as in Triton.

    Parameters
    ----------
    prefix : str
        Known at compile time; ``": "`` is put behind it.
    *args : tensors or scalars
        Each printed element by element.
    hex : bool
        In hexadecimal: the bits of each element.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     x = tl.load(x_ptr + tl.arange(0, 2))
    ...     tl.device_print("x", x)
    ...     print("sum", tl.sum(x))
    >>> with kb.Context("small") as ctx:
    ...     _ = kernel[(1,)](ctx.tensor([1.5, 2.0]))
    pid (0, 0, 0) idx (0) x: 1.500000
    pid (0, 0, 0) idx (1) x: 2.000000
    pid (0, 0, 0) idx () sum: 3.500000
    """
    sub = "hex" if as_python(hex) else ""
    text = _text(prefix, bool(args))
    if not args:
        e.emit_effect("print", imm=("text", text))
    for number, arg in enumerate(args):
        if isinstance(arg, Const) and isinstance(arg.value, str):
            raise Refusal(
                f"expected values behind the one text, got another text, {arg.value!r}; put it "
                "into the first"
            )
        which = f"(operand {number}) " if len(args) > 1 else ""
        e.emit_effect("print", e.value(arg), sub=sub, imm=("text", text + which))


def _text(prefix: Operand, has_values: bool) -> str:
    """Return what stands between place and value: Triton's own few rules."""
    text = prefix.value if isinstance(prefix, Const) else None
    if not isinstance(text, str):
        raise Refusal(
            f'expected a text first, got a {prefix}; write tl.device_print("x", x), or '
            "tl.static_print(...) for what is known while compiling"
        )
    if isinstance(text, TypesAsText):
        raise Refusal(
            f"expected a text that is known while compiling, got one with values, {text!r}; write "
            'them behind it, as in tl.device_print("x", x)'
        )
    if odd := sorted(set(text) - set(string.printable)):
        raise Refusal(
            f"expected a prefix of printable ASCII, as Triton wants it, got {text!r} with "
            f"{', '.join(map(repr, odd))}; write it in ASCII"
        )
    if has_values:
        text = text if text.endswith(" ") else text + " "
        text = text if text.endswith(": ") else text[:-1] + ": "
    return " " + text if len(text) > 2 and not text.startswith(" ") else text
