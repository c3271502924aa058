"""Names of ``tl`` that kernels cannot use yet: each says what to do instead.

They are there, so that modules which import or mention them load.
"""

from __future__ import annotations

from kernbench.language.builtin import Builtin, builtin
from kernbench.language.emitter import Emitter
from kernbench.language.values import Operand, Refusal

_ATOMIC = (
    "give each program its own place to store to, and combine these in a second launch, which "
    "sees all that the first one stored"
)


def _absent(name: str, advice: str) -> Builtin:
    def refuse(e: Emitter, *args: Operand, **kwargs: Operand) -> Operand:
        raise Refusal(f"tl.{name} is not implemented; {advice}")

    refuse.__doc__ = f"""Not implemented: {advice}.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(x_ptr):
    ...     tl.{name}(x_ptr)
    >>> with kb.Context("small") as ctx:
    ...     _ = kernel[(1,)](ctx.tensor([0]))
    Traceback (most recent call last):
        ...
    kernbench.errors.CompilationError: ...: tl.{name} is not implemented; ...
    """
    return builtin(name)(refuse)


atomic_add = _absent("atomic_add", _ATOMIC)
atomic_and = _absent("atomic_and", _ATOMIC)
atomic_cas = _absent("atomic_cas", _ATOMIC)
atomic_max = _absent("atomic_max", _ATOMIC)
atomic_min = _absent("atomic_min", _ATOMIC)
atomic_or = _absent("atomic_or", _ATOMIC)
atomic_xchg = _absent("atomic_xchg", _ATOMIC)
atomic_xor = _absent("atomic_xor", _ATOMIC)
