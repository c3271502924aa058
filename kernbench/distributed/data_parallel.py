"""``DistributedDataParallel``: the gradients of all ranks are averaged while backward runs.

Parameters are in buckets, those of the last layers first.  When the last gradient of a bucket has
come, the bucket's all-reduce starts, beside the rest of backward; with the last bucket of a pass,
backward waits for all, as the backend does, and the averages are in ``grad``.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kernbench.autograd import is_grad_enabled
from kernbench.autograd.backward import reachable
from kernbench.autograd.node import AccumulateGrad, edge_of
from kernbench.distributed.collectives import all_reduce, broadcast
from kernbench.distributed.grad_bucket import GradBucket, alike
from kernbench.distributed.groups import group_of
from kernbench.runtime.dispatch import call
from kernbench.runtime.dtypes import BY_NAME
from kernbench.runtime.nn.module import Module
from kernbench.runtime.tensor import Tensor

__all__ = ["DistributedDataParallel"]

MIB = 1 << 20
FIRST_NBYTES = MIB
"""What the first bucket holds: it is small, so that something is under way soon."""


class DistributedDataParallel(Module):
    """A module of which each rank has a replica, for its part of the batch.

    Parameters
    ----------
    module : Module
        It gets the values of the group's first rank.
    device_ids : sequence, optional
        The device that inputs are moved to: one, or None.
    broadcast_buffers : bool
        Give buffers the first rank's values before each forward.
    process_group : ProcessGroup, optional
        The default one unless told.
    bucket_cap_mb : int, optional
        MiB of a bucket; 25 unless told.  The first one has 1 at most.
    find_unused_parameters : bool
        Look, after each forward, which parameters its result does not depend on.
    gradient_as_bucket_view : bool
        Let gradients be views of their bucket: one copy less.
    init_sync : bool
        Give the module the first rank's values at all.
    static_graph : bool
        Unused parameters are looked for, as if ``find_unused_parameters`` were given.
    output_device, dim, check_reduction
        Accepted; they change nothing.
    mixed_precision, device_mesh
        Only None.

    Raises
    ------
    NotImplementedError
        ``mixed_precision`` or ``device_mesh`` is given.

    Examples
    --------
    >>> import kernbench as kb
    >>> import kernbench.torch as torch
    >>> from kernbench import distributed as dist
    >>> def work(rank):
    ...     dist.init_process_group("gloo")
    ...     model = DistributedDataParallel(torch.nn.Linear(1, 1, bias=False))
    ...     model(torch.tensor([[rank + 1.0]])).sum().backward()
    ...     print(model.module.weight.grad.item())
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=2)
    1.5
    1.5
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        init_sync: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        mixed_precision: Any = None,
        device_mesh: Any = None,
    ) -> None:
        super().__init__()
        for name, given in (("mixed_precision", mixed_precision), ("device_mesh", device_mesh)):
            if given is not None:
                raise NotImplementedError(
                    f"DistributedDataParallel: {name} is not supported; expected None, "
                    f"found {given!r}"
                )
        group = group_of(process_group)
        if group is None:
            raise ValueError("DistributedDataParallel: expected a group that this rank is in")
        parameters = [each for each in module.parameters() if each.requires_grad]
        if not parameters:
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter "
                "that requires a gradient."
            )
        if device_ids is not None and len(device_ids) > 1:
            raise ValueError("device_ids can only be None or contain a single element.")
        places = {each.device.type for each in parameters}
        if device_ids and places == {"cpu"}:
            raise ValueError(
                "DistributedDataParallel device_ids and output_device arguments only work with "
                "single-device/multiple-device GPU modules or CPU modules, but got device_ids "
                f"{list(device_ids)}, output_device {output_device}, and module parameters "
                f"{places}."
            )
        self.module = module
        self.process_group = group
        self.device_ids = list(device_ids) if device_ids else None
        self.broadcast_buffers = broadcast_buffers
        self.find_unused_parameters = find_unused_parameters or static_graph
        self.gradient_as_bucket_view = gradient_as_bucket_view
        self.require_backward_grad_sync = True
        cap = MIB * (25 if bucket_cap_mb is None else bucket_cap_mb)
        parts = alike(reversed(parameters), min(FIRST_NBYTES, cap), cap)
        self._buckets = [GradBucket(number, each) for number, each in enumerate(parts)]
        self._buckets[-1]._last = True
        self._homes = {id(p): bucket for bucket in self._buckets for p in bucket.parameters()}
        self._hook: Callable[[GradBucket], Any] = self._average
        self._next = len(self._buckets)  # the bucket that is sent next; all are: no pass is open
        self._begun = False
        self._used: set[int] = set()
        shapes = [tuple(each.shape) for each in parameters]
        group._shared.meet(group.rank(), "DistributedDataParallel", parameters=shapes)
        if init_sync:
            self._take_first([*module.parameters(), *module.buffers()])
        for parameter in parameters:
            parameter.register_post_accumulate_grad_hook(self._came)

    def _take_first(self, tensors: Sequence[Any]) -> None:
        """Give tensors the values that the group's first rank has."""
        for some in alike(tensors, 250 * MIB, 250 * MIB):
            flat = call("cat", [each.detach().reshape(-1) for each in some])
            broadcast(flat, group=self.process_group, group_src=0)
            if self.process_group.rank() > 0:
                pieces = flat.split([each.numel() for each in some])
                for each, piece in zip(some, pieces, strict=True):
                    each.detach().copy_(piece.view(tuple(each.shape)))

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Run the module; a backward pass from its result reduces gradients."""
        syncs = is_grad_enabled() and self.require_backward_grad_sync
        if syncs and self._begun:
            self._refuse_open_pass()
        buffers = list(self.module.buffers()) if self.broadcast_buffers else []
        if buffers and self.require_backward_grad_sync:
            self._take_first(buffers)
        if self.device_ids:
            inputs, kwargs = _moved(inputs, self.device_ids[0]), _moved(kwargs, self.device_ids[0])
        result = self.module(*inputs, **kwargs)
        if syncs:
            self._open_pass(result)
        return result

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Let gradients add up on each rank alone, in passes whose forward is within."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def join(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: ranks with fewer batches than others would have to follow their all-reduces."""
        raise NotImplementedError(
            "kernbench: DistributedDataParallel.join is not implemented; give every rank as many "
            "batches, with DistributedSampler, which repeats items, or drop_last=True"
        )

    def register_comm_hook(self, state: Any, hook: Callable[[Any, GradBucket], Any]) -> None:
        """Let ``hook(state, bucket)`` reduce: it returns a future of what the buffer becomes."""
        self._hook = functools.partial(hook, state)

    def _average(self, bucket: GradBucket) -> Any:
        line = bucket.buffer().mul_(1 / self.process_group.size())
        work = all_reduce(line, group=self.process_group, async_op=True)
        assert work is not None
        return work.get_future()

    # --- a backward pass --------------------------------------------------------------------------

    def _open_pass(self, result: Any) -> None:
        self._next, self._begun = 0, False
        for bucket in self._buckets:
            bucket._left = len(bucket.parameters())
        everyone = {id(p): p for bucket in self._buckets for p in bucket.parameters()}
        self._used = set(everyone)
        if self.find_unused_parameters:
            self._used &= _leaves_behind(result)
            for number in everyone.keys() - self._used:
                self._homes[number]._left -= 1
            self._send_full()

    def _came(self, parameter: Any) -> None:
        """Take up a gradient that is final."""
        if not self.require_backward_grad_sync or self._next == len(self._buckets):
            return
        self._begun = True
        self._homes[id(parameter)]._left -= 1
        self._send_full()

    def _send_full(self) -> None:
        """Send what is full, in one order on all ranks; with the last bucket, finish the pass."""
        while self._next < len(self._buckets) and self._buckets[self._next]._left == 0:
            self._buckets[self._next]._send(self._hook)
            self._next += 1
        if self._next == len(self._buckets):
            used = self._used_anywhere() if self.find_unused_parameters else self._used
            for bucket in self._buckets:
                bucket._finish(used, self.gradient_as_bucket_view)
            self._begun = False

    def _used_anywhere(self) -> set[int]:
        """Return the parameters that some rank has used."""
        numbers = list(self._homes)
        flags = [int(number in self._used) for number in numbers]
        device = self._buckets[0].parameters()[0].device
        used: Any = call("tensor", flags, dtype=BY_NAME["int32"], device=device)
        all_reduce(used, group=self.process_group)
        return {number for number, n in zip(numbers, used.tolist(), strict=True) if n}

    def _refuse_open_pass(self) -> None:
        names = [
            name
            for name, parameter in self.module.named_parameters()
            if id(parameter) in self._homes and parameter.grad is None
        ]
        raise RuntimeError(
            "Expected to have finished reduction in the prior iteration before starting a new one. "
            "This error indicates that your module has parameters that were not used in producing "
            "loss. You can enable unused parameter detection by passing the keyword argument "
            "`find_unused_parameters=True` to `torch.nn.parallel.DistributedDataParallel`, and by "
            "making sure all `forward` function outputs participate in calculating loss. "
            f"Parameters which did not receive grad for rank {self.process_group.rank()}: "
            f"{', '.join(names)}"
        )


def _moved(value: Any, device: Any) -> Any:
    """Move the tensors of arguments to a device."""
    if isinstance(value, Tensor):
        return call("to", value, f"cuda:{device}" if isinstance(device, int) else device)
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(_moved(each, device) for each in value)
    if type(value) is dict:
        return {key: _moved(each, device) for key, each in value.items()}
    return value


def _leaves_behind(result: Any) -> set[int]:
    """Return the leaves that tensors within a result depend on."""
    if isinstance(result, Tensor):
        if not result.requires_grad:
            return set()
        nodes = reachable([edge_of(result)[0]])
        return {id(node.variable) for node in nodes if isinstance(node, AccumulateGrad)}
    if isinstance(result, dict):
        result = list(result.values())
    if isinstance(result, (list, tuple)):
        return {leaf for each in result for leaf in _leaves_behind(each)}
    return set()
