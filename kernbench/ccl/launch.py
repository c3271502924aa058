"""The way in: one member of a group launches its part of a collective."""

from __future__ import annotations

from typing import Any

from kernbench import language
from kernbench.ccl.alone import alone
from kernbench.ccl.call import CHANNELS, OPS, Call, Group, Plan
from kernbench.ccl.choice import choose
from kernbench.ccl.registry import COLLECTIVES, find
from kernbench.language import dtypes as tl
from kernbench.runtime.context import Context, each_pe
from kernbench.runtime.handle import Launch
from kernbench.runtime.tensor import Tensor

_PARTS_IN = ("reduce_scatter", "all_to_all", "scatter")
_PARTS_OUT = ("all_gather", "all_to_all", "gather")


def launch(
    context: Context,
    collective: str,
    *,
    group: Group,
    rank: int,
    input: Tensor | None = None,
    output: Tensor | None = None,
    op: str = "sum",
    root: int = 0,
    stream: int | None = None,
    algorithm: str | None = None,
    lane: int = 0,
) -> Launch:
    """Launch this member's part of a collective; the kernel waits for its peers on the machine.

    It runs on the member's SIP in the communication context of its PEs, beside the kernels of
    users.  Every member of the group calls this once, with equal arguments but for `rank` and the
    tensors; algorithms are chosen from what is equal.

    Parameters
    ----------
    context : Context
    collective : str
        One of :data:`COLLECTIVES`.
    group : Group
        The members' SIPs in order of rank, and the group's number.
    rank : int
        This member's place in it.
    input, output : Tensor
        Contiguous, on this member's SIP, of one dtype.  Of ``n`` elements each, but: all_gather and
        gather (at the root) put out ``size * n``, reduce_scatter and scatter (at the root) take
        ``size * n`` in, all_to_all both.  They may be one tensor where both have one size.
        A member that only takes or only gives (broadcast, reduce, gather, scatter, send, recv) has
        one of them.
    op : str
        One of :data:`OPS`, for all_reduce, reduce_scatter and reduce.
    root : int
        The root's rank; of send and recv, the other end's.
    stream : int, optional
        The stream of the member's SIP; its current one unless told.
    algorithm : str, optional
        A name of :func:`algorithms`; what the environment says, or the best one, unless told.
    lane : int
        0 or 1: messages (send, recv) of the two do not meet.

    Returns
    -------
    Launch
        The handle of this member's launch.

    Raises
    ------
    ValueError
        When an argument does not fit; it says which, what was expected and found.

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench import ccl
    >>> topology = kb.Topology.from_dict({"kernbench": 1, "system": {
    ...     "sips": 2, "sip": {"cubes": [1, 1]}, "cube": {"pes": 1}}})
    >>> with kb.Context(topology) as ctx:
    ...     group = ccl.Group([0, 1])
    ...     ranks = [ctx.tensor([1.0, 2.0], sip=sip) for sip in group.sips]
    ...     for rank, x in enumerate(ranks):
    ...         h = ccl.launch(ctx, "all_reduce", group=group, rank=rank, input=x, output=x)
    ...     ranks[0].tolist(), ranks[1].tolist()
    ([2.0, 4.0], [2.0, 4.0])
    """
    call = make_call(context, collective, group, rank, input, output, op, root, lane)
    if call.size == 1:
        return submit(call, alone(call), stream)
    chosen = choose(call, algorithm)
    plan = chosen.plan(call)
    if not isinstance(plan, Plan):
        raise TypeError(f"{collective}: expected a Plan of {chosen.name!r}, got {plan!r}")
    return submit(call, plan, stream)


def submit(call: Call, plan: Plan, stream: int | None) -> Launch:
    """Launch a plan on the member's SIP, in the communication contexts of its PEs."""
    context = call.context
    token = language.set_launcher(
        lambda request: context._launch(request, sip=call.sip, stream=stream, comm=True)
    )
    try:
        handle = plan.kernel[each_pe](*plan.args, **plan.constants)
    finally:
        language.reset_launcher(token)
    assert isinstance(handle, Launch)
    return handle


def make_call(
    context: Context,
    collective: str,
    group: Group,
    rank: int,
    input: Tensor | None,
    output: Tensor | None,
    op: str = "sum",
    root: int = 0,
    lane: int = 0,
) -> Call:
    """Check the arguments of :func:`launch`, and put them together."""
    if collective not in COLLECTIVES:
        find(collective, "")  # which says what is known
    size = len(group)
    _check_range(collective, "rank", rank, size)
    _check_range(collective, "root", root, size)
    _check_range(collective, "lane", lane, 2)
    _check_group(context, collective, group)
    if op not in OPS:
        raise ValueError(f"{collective}: expected op one of {', '.join(OPS)}, got {op!r}")
    tensors = {"input": input, "output": output}
    for needed in _needed(collective, rank == root):
        if tensors[needed] is None:
            raise ValueError(f"{collective}: expected an {needed} at rank {rank}, got none")
    dtype = _check_tensors(collective, group.sips[rank], tensors)
    if op in ("band", "bor", "bxor") and dtype.is_floating():
        raise ValueError(f"{collective}: expected integers for op {op!r}, got {dtype}")
    count = _count(collective, size, tensors)
    _check_overlap(collective, rank, count * dtype.itemsize, input, output)
    return Call(context, collective, group, rank, input, output, count, dtype, op, root, lane)


def _check_range(collective: str, what: str, value: Any, size: int) -> None:
    if not isinstance(value, int) or not 0 <= value < size:
        raise ValueError(f"{collective}: expected {what} from 0 to {size - 1}, got {value!r}")


def _check_group(context: Context, collective: str, group: Group) -> None:
    system = context.topology.system
    if system is None:
        raise ValueError(f"{collective}: expected a machine with SIPs, got explicit components")
    n_sips, channels = int(system["n_sips"]), int(system["pe_ipcq.channels"])
    outside = [sip for sip in group.sips if not 0 <= sip < n_sips]
    if outside:
        raise ValueError(
            f"{collective}: expected SIPs below {n_sips}, got {outside}; raise system.sips"
        )
    if (group.number + 1) * CHANNELS > channels:
        raise ValueError(
            f"{collective}: expected a group number below {channels // CHANNELS}, got "
            f"{group.number}; raise pe.ipcq.channels"
        )


def _needed(collective: str, is_root: bool) -> tuple[str, ...]:
    if collective in ("all_reduce", "all_gather", "reduce_scatter", "all_to_all"):
        return ("input", "output")
    if collective == "broadcast":
        return ("input",) if is_root else ("output",)
    if collective == "scatter":
        return ("input", "output") if is_root else ("output",)
    if collective in ("reduce", "gather"):
        return ("input", "output") if is_root else ("input",)
    return ("input",) if collective == "send" else ("output",)


def _check_tensors(collective: str, sip: int, tensors: dict[str, Tensor | None]) -> tl.dtype:
    dtypes = {}
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        if not tensor.is_cuda:
            raise ValueError(f"{collective}: expected {name} on SIP {sip}, got one of the host")
        if tensor.sip != sip:
            raise ValueError(f"{collective}: expected {name} on SIP {sip}, got SIP {tensor.sip}")
        if not tensor.is_contiguous():
            raise ValueError(f"{collective}: expected a contiguous {name}, got strides")
        assert tensor.dtype.element is not None  # complex numbers are the host's
        dtypes[name] = tensor.dtype.element
    found = set(dtypes.values())
    if len(found) > 1:
        raise ValueError(f"{collective}: expected one dtype, got {dtypes}")
    return found.pop()


def _check_overlap(
    collective: str, rank: int, nbytes: int, input: Tensor | None, output: Tensor | None
) -> None:
    """Refuse tensors that share bytes, but for the same ones, or a rank's own part of the other."""
    if input is None or output is None or not input.numel() or not output.numel():
        return
    first, last = input.data_ptr(), input.data_ptr() + input.nbytes
    begin, end = output.data_ptr(), output.data_ptr() + output.nbytes
    if last <= begin or end <= first or (first, last) == (begin, end):
        return
    own = rank * nbytes
    if collective in ("all_gather", "gather") and first == begin + own:
        return
    if collective in ("reduce_scatter", "scatter") and begin == first + own:
        return
    raise ValueError(
        f"{collective}: expected input and output that are one tensor or lie apart, got ones that "
        f"overlap, at rank {rank}"
    )


def _count(collective: str, size: int, tensors: dict[str, Tensor | None]) -> int:
    counts = {}
    for name, parts in (("input", _PARTS_IN), ("output", _PARTS_OUT)):
        tensor = tensors[name]
        if tensor is None:
            continue
        factor = size if collective in parts else 1
        if tensor.numel() % factor:
            raise ValueError(
                f"{collective}: expected an {name} of {factor} equal parts, got "
                f"{tensor.numel()} elements"
            )
        counts[name] = tensor.numel() // factor
    if len(set(counts.values())) > 1:
        raise ValueError(
            f"{collective}: expected {counts['input']} elements a part in both tensors, got "
            f"{counts['output']} in the output"
        )
    return next(iter(counts.values()))
