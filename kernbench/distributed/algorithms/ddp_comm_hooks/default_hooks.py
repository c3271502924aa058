"""Communication hooks of ``DistributedDataParallel``: averages, also in a shorter dtype."""

from __future__ import annotations

from typing import Any

from kernbench.distributed.collectives import all_reduce
from kernbench.distributed.futures import Future
from kernbench.distributed.grad_bucket import GradBucket
from kernbench.distributed.groups import group_of
from kernbench.runtime.dtypes import BY_NAME

__all__ = ["allreduce_hook", "bf16_compress_hook", "fp16_compress_hook"]


def _average(process_group: Any, line: Any) -> Future:
    """Divide first, lest a short dtype overflows, and add up."""
    members = group_of(process_group)
    assert members is not None
    work = all_reduce(line.div_(members.size()), group=members, async_op=True)
    assert work is not None
    return work.get_future()


def _compressed(process_group: Any, bucket: GradBucket, name: str) -> Future:
    line = bucket.buffer()

    def back(short: Future) -> Any:
        return line.copy_(short.value()[0])

    return _average(process_group, line.to(BY_NAME[name])).then(back)


def allreduce_hook(process_group: Any, bucket: GradBucket) -> Future:
    """Average, as ``DistributedDataParallel`` does without a hook.

    Examples
    --------
    >>> import kernbench as kb
    >>> import kernbench.torch as torch
    >>> from kernbench import distributed as dist
    >>> def work(rank):
    ...     dist.init_process_group("nccl")
    ...     model = torch.nn.Linear(2, 1, bias=False, device="cuda")
    ...     model = torch.nn.parallel.DistributedDataParallel(model)
    ...     model.register_comm_hook(None, fp16_compress_hook)
    ...     model(torch.full((1, 2), 1.0 + rank, device="cuda")).sum().backward()
    ...     print(model.module.weight.grad.tolist())
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=2)
    [[1.5, 1.5]]
    [[1.5, 1.5]]
    """
    return _average(process_group, bucket.buffer())


def fp16_compress_hook(process_group: Any, bucket: GradBucket) -> Future:
    """Average in float16: half the bytes between ranks, and two casts."""
    return _compressed(process_group, bucket, "float16")


def bf16_compress_hook(process_group: Any, bucket: GradBucket) -> Future:
    """Average in bfloat16; see :func:`fp16_compress_hook`."""
    return _compressed(process_group, bucket, "bfloat16")
