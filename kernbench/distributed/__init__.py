"""``torch.distributed``: process groups and collectives over the machine's queues between PEs.

Names, signatures and errors are torch's; the collectives are those of :mod:`kernbench.ccl`, timed
on the machine.  nccl returns at once and orders streams; gloo waits on the host (ADR-0059).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from kernbench.distributed.backend import Backend
from kernbench.distributed.collectives import (
    all_reduce,
    barrier,
    broadcast,
    monitored_barrier,
    reduce,
)
from kernbench.distributed.device_mesh import DeviceMesh, init_device_mesh
from kernbench.distributed.gathering import (
    all_gather,
    all_gather_into_tensor,
    gather,
    reduce_scatter,
    reduce_scatter_tensor,
    scatter,
)
from kernbench.distributed.groups import GroupMember, ProcessGroup, group
from kernbench.distributed.objects import (
    all_gather_object,
    broadcast_object_list,
    gather_object,
    recv_object_list,
    scatter_object_list,
    send_object_list,
)
from kernbench.distributed.points import P2POp, batch_isend_irecv, irecv, isend, recv, send
from kernbench.distributed.queries import (
    _get_default_group as _get_default_group,
)
from kernbench.distributed.queries import (
    _get_default_store as _get_default_store,
)
from kernbench.distributed.queries import (
    get_backend,
    get_default_backend_for_device,
    get_global_rank,
    get_group_rank,
    get_node_local_rank,
    get_pg_count,
    get_process_group_ranks,
    get_rank,
    get_world_size,
    is_available,
    is_backend_available,
    is_gloo_available,
    is_initialized,
    is_mpi_available,
    is_nccl_available,
    is_torchelastic_launched,
    is_ucc_available,
    is_xccl_available,
)
from kernbench.distributed.reduction import PremulSum, ReduceOp
from kernbench.distributed.rendezvous import rendezvous
from kernbench.distributed.setup import (
    destroy_process_group,
    init_process_group,
    new_group,
    new_subgroups,
    new_subgroups_by_enumeration,
    split_group,
)
from kernbench.distributed.stores import (
    DistBackendError,
    DistError,
    DistNetworkError,
    DistStoreError,
    FileStore,
    HashStore,
    PrefixStore,
    Store,
    TCPStore,
)
from kernbench.distributed.transposing import all_to_all, all_to_all_single
from kernbench.distributed.work import Future, Work
from kernbench.errors import CollectiveMismatchError
from kernbench.runtime.placeholder import Placeholder

__all__ = [
    "Backend",
    "CollectiveMismatchError",
    "DeviceMesh",
    "DistBackendError",
    "DistError",
    "DistNetworkError",
    "DistStoreError",
    "FileStore",
    "Future",
    "GroupMember",
    "HashStore",
    "P2POp",
    "PrefixStore",
    "PremulSum",
    "ProcessGroup",
    "ReduceOp",
    "Store",
    "TCPStore",
    "Work",
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_gather_single",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "batch_isend_irecv",
    "broadcast",
    "broadcast_object_list",
    "default_pg_timeout",
    "destroy_process_group",
    "distributed_c10d",
    "gather",
    "gather_object",
    "get_backend",
    "get_default_backend_for_device",
    "get_global_rank",
    "get_group_rank",
    "get_node_local_rank",
    "get_pg_count",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_device_mesh",
    "init_process_group",
    "irecv",
    "is_available",
    "is_backend_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "is_ucc_available",
    "is_xccl_available",
    "isend",
    "monitored_barrier",
    "new_group",
    "new_subgroups",
    "new_subgroups_by_enumeration",
    "recv",
    "recv_object_list",
    "reduce",
    "reduce_op",
    "reduce_scatter",
    "reduce_scatter_single",
    "reduce_scatter_tensor",
    "rendezvous",
    "scatter",
    "scatter_object_list",
    "send",
    "send_object_list",
    "split_group",
]

_all_gather_base = all_gather_into_tensor
_reduce_scatter_base = reduce_scatter_tensor
all_gather_single = all_gather_into_tensor
reduce_scatter_single = reduce_scatter_tensor
reduce_op = ReduceOp
default_pg_timeout = timedelta(minutes=30)
distributed_c10d = sys.modules[__name__]


class _Coalesced:
    """The works of calls that were made together."""

    def __init__(self) -> None:
        self.works: list[Work] = []

    def append(self, work: Work | None) -> None:
        """Add a work."""
        if work is not None:
            self.works.append(work)

    def wait(self) -> None:
        """Wait for all."""
        for work in self.works:
            work.wait()


@contextlib.contextmanager
def _coalescing_manager(
    group: Any = None, device: Any = None, async_ops: bool = False
) -> Iterator[_Coalesced]:
    """Take calls together; each is still a launch of its own."""
    manager = _Coalesced()
    yield manager
    if not async_ops:
        manager.wait()


_LAYERS = "use DistributedDataParallel, or the layers of kernbench.tp"
_ELSEWHERE = {
    "fsdp": _LAYERS,
    "tensor": _LAYERS,
    "_tensor": _LAYERS,
    "_composable": _LAYERS,
    "algorithms": "DistributedDataParallel takes a communication hook",
    "checkpoint": "use torch.save and torch.load on each rank",
    "_functional_collectives": "use torch.distributed.nn.functional",
    "optim": "use the optimizers of torch.optim on each rank",
    "pipelining": "use isend, irecv and batch_isend_irecv",
    "rpc": "use send, recv and collectives",
}
"""Parts of torch.distributed that there are not, and what to use."""


def __getattr__(name: str) -> Any:
    if name == "WORLD":
        return GroupMember.WORLD
    if name in _ELSEWHERE:
        return Placeholder(f"torch.distributed.{name}", _ELSEWHERE[name])
    raise AttributeError(f"module 'torch.distributed' has no attribute {name!r}")
