"""Two messages in one launch: one out, one in."""

from __future__ import annotations

from kernbench.ccl.call import Group, Plan
from kernbench.ccl.kernels.exchange import exchange as _kernel
from kernbench.ccl.launch import make_call, submit
from kernbench.runtime.context import Context
from kernbench.runtime.handle import Launch
from kernbench.runtime.tensor import Tensor

__all__ = ["exchange"]


def exchange(
    context: Context,
    *,
    group: Group,
    rank: int,
    input: Tensor,
    to: int,
    output: Tensor,
    source: int,
    stream: int | None = None,
) -> Launch:
    """Send `input` to rank `to` while `output` comes from rank `source`.

    The other ends may be :func:`launch` of send and recv, or exchanges of theirs.  Ranks in a
    circle that all exchange never wait for each other's rings, whatever the size.

    Parameters
    ----------
    context : Context
    group : Group
    rank : int
        This member's place in it.
    input, output : Tensor
        Contiguous, on this member's SIP, of one dtype.
    to, source : int
        Ranks of the group.
    stream : int, optional
        The stream of the member's SIP; its current one unless told.
    """
    given = make_call(context, "send", group, rank, input, None, root=to)
    taken = make_call(context, "recv", group, rank, None, output, root=source)
    out, into = given.chunks(1), taken.chunks(1)
    args = (
        *(input, given.count, given.part, group.sips[to]),
        *(output, taken.count, taken.part, group.sips[source], given.message_channel),
    )
    constants = {"B_OUT": out.block, "EVEN_OUT": out.even, "B_IN": into.block, "EVEN_IN": into.even}
    return submit(given, Plan(_kernel, args, constants), stream)
