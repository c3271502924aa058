"""The arguments of a launch, as the machine takes them: raw bits, and the SIP that they lie on."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from kernbench import _core
from kernbench.runtime.storage import Storage
from kernbench.runtime.tensor import Tensor

if TYPE_CHECKING:
    from kernbench.language import Launch

__all__ = ["launch_arguments"]


def launch_arguments(
    request: Launch, engine: _core.Engine, default_sip: int
) -> tuple[int, tuple[int, ...]]:
    """Return the SIP that a launch runs on, and its arguments' raw bits.

    Parameters
    ----------
    request : Launch
        The kernel with its arguments.
    engine : _core.Engine
        The machine that the tensors have to lie in.
    default_sip : int
        The SIP of a launch without tensors.

    Raises
    ------
    TypeError
        For a tensor of another library.
    ValueError
        For a tensor of the host or of another machine, and for tensors of several SIPs.
    """
    name = request.kernel.name
    sips, bits = set(), []
    for parameter, value in zip(request.kernel.params, request.arguments, strict=True):
        if isinstance(value, Tensor):
            storage = value._storage
            if not isinstance(storage, Storage):
                raise ValueError(
                    f"{name}: Pointer argument '{parameter.name}' cannot be accessed from Triton "
                    "(cpu tensor?); move it to the machine with .cuda()"
                )
            if storage.engine is not engine:
                raise ValueError(
                    f"{name}: expected argument '{parameter.name}' to be a tensor of this context, "
                    "since its last reset"
                )
            sips.add(value.sip)
            bits.append(value.data_ptr())
        elif hasattr(value, "data_ptr"):
            raise TypeError(
                f"{name}: expected argument '{parameter.name}' to be a kernbench tensor, "
                f"got {type(value).__name__}"
            )
        elif isinstance(value, float):
            bits.append(struct.unpack("<Q", struct.pack("<d", value))[0])
        else:
            bits.append(int(value) & 0xFFFFFFFFFFFFFFFF)
    if len(sips) > 1:
        raise ValueError(f"{name}: expected tensors of one SIP, got SIPs {sorted(sips)}")
    return (sips.pop() if sips else default_sip), tuple(bits)
