"""From a call of torch.distributed to a launch: staging, streams, and who waits.

Every member enters by itself.  Its part runs on the group's own stream, behind what its current
stream holds; how the caller waits is the backend's.  Host tensors are staged over the host link.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kernbench import ccl
from kernbench.ccl.choice import configured
from kernbench.distributed.groups import ProcessGroup
from kernbench.distributed.posts import Post
from kernbench.distributed.rounds import Round
from kernbench.distributed.work import Work
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = [
    "Staged",
    "carried",
    "check_list",
    "check_place",
    "check_tensor",
    "facts_of",
    "finish",
    "flat",
    "launch",
    "message_facts",
    "stage",
]


def check_tensor(tensor: Any, name: str = "tensor") -> Tensor:
    """Return a tensor; refuse anything else in torch's words."""
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type torch.Tensor\n"
            f"             but got {type(tensor)} instead."
        )
    return tensor


def check_list(tensors: Any, name: str) -> list[Tensor]:
    """Return a list of tensors; refuse anything else in torch's words."""
    is_list = isinstance(tensors, (list, tuple))
    if not is_list or not all(isinstance(each, Tensor) for each in tensors):
        kinds = [type(each) for each in tensors] if is_list else []
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type List[torch.Tensor]\n"
            f"             but got {type(tensors)}"
            f"{f' with elements of type {kinds}' if is_list else ''} instead."
        )
    return list(tensors)


def carried(tensor: Tensor) -> Tensor:
    """Return what is carried of a tensor: complex numbers go as pairs of real ones."""
    if not tensor.dtype.is_complex:
        return tensor
    pairs: Tensor = call("view_as_real", call("detach", tensor))
    return pairs


def facts_of(tensor: Tensor, **more: Any) -> dict[str, Any]:
    """Return what has to agree between ranks."""
    return {"shape": tuple(tensor.shape), "dtype": str(tensor.dtype), **more}


def message_facts(tensor: Tensor) -> dict[str, Any]:
    """Return what has to agree between the two ends of a message."""
    return {"elements": tensor.numel(), "dtype": str(tensor.dtype)}


@dataclass(slots=True)
class Staged:
    """A tensor of the machine that stands for one of the caller's.

    Attributes
    ----------
    tensor : Tensor
        Contiguous, on the group's SIP.
    back : callable or None
        Copies the result to where the caller wants it; None when it is there.
    on_host : bool
        Whether that has to wait for the host.
    """

    tensor: Tensor
    back: Callable[[], None] | None = None
    on_host: bool = False


def check_place(group: ProcessGroup, backend: str, tensor: Tensor) -> None:
    """Refuse a tensor that cannot be staged.

    Raises
    ------
    ValueError
        When it lies on another SIP, or, with nccl, is not contiguous.
    """
    device = getattr(tensor, "device", None)
    if device is not None and device.type == "cpu":
        return
    if tensor.sip != group._sip:
        raise ValueError(
            f"expected a tensor on cuda:{group._sip}, the device of rank "
            f"{group._global(group.rank())}, got one on cuda:{tensor.sip}"
        )
    if backend == "nccl" and not tensor.is_contiguous():
        raise ValueError(
            f"Tensors must be contiguous: nccl got shape {tuple(tensor.shape)} with strides "
            f"{tuple(tensor.stride())}; take tensor.contiguous()"
        )


def stage(group: ProcessGroup, backend: str, tensor: Tensor, *, output: bool) -> Staged:
    """Bring a tensor to the group's SIP, contiguous; see :func:`check_place`."""
    check_place(group, backend, tensor)
    plain: Any = tensor.detach() if hasattr(tensor, "detach") else tensor
    device = getattr(tensor, "device", None)
    if device is not None and device.type == "cpu":
        staged = plain.to(f"cuda:{group._sip}").contiguous()

        def to_host() -> None:
            plain.copy_(staged)

        return Staged(staged, to_host if output else None, on_host=output)
    if tensor.is_contiguous():
        return Staged(plain)
    dense = plain.contiguous()

    def to_strides() -> None:
        plain.copy_(dense)

    return Staged(dense, to_strides if output else None)


def flat(like: Tensor, count: int) -> Tensor:
    """Make a tensor of `count` elements beside another one."""
    made: Tensor = like.new_empty((count,))
    return made


def launch(
    group: ProcessGroup,
    about: Round | Post,
    collective: str,
    *,
    input: Tensor | None = None,
    output: Tensor | None = None,
    op: str = "sum",
    root: int = 0,
    lane: int = 0,
) -> None:
    """Launch this member's part on the current stream, which is one of the group's."""
    algorithm = configured(collective)
    if isinstance(about, Round):
        about.agree(group.rank(), collective, algorithm)
    handle = ccl.launch(
        group._context,
        collective,
        group=group._members,
        rank=group.rank(),
        input=input,
        output=output,
        op=op,
        root=root,
        algorithm=algorithm,
        lane=lane,
    )
    handle._about = about.describe


def finish(
    group: ProcessGroup,
    backend: str,
    staged: Sequence[Staged],
    result: Sequence[Any],
    source: int = -1,
) -> Work:
    """Copy results back, and return the work: called where the launch was."""
    later = []
    for each in staged:
        if each.back is not None and each.on_host:
            later.append(each.back)
        elif each.back is not None:
            each.back()

    def copy_back() -> None:
        for back in later:
            back()

    return Work(group, backend, group._last(), copy_back if later else None, result, source)
