"""``torch.distributed``: process groups and collectives over the machine's queues between PEs.

Names, signatures and errors are torch's; the collectives are those of :mod:`kernbench.ccl`, timed
on the machine.  nccl returns at once and orders streams; gloo waits on the host (ADR-0059).
"""

from __future__ import annotations

import importlib
import sys
from datetime import timedelta
from typing import Any

from kernbench.distributed.backend import Backend
from kernbench.distributed.barriers import barrier, monitored_barrier
from kernbench.distributed.coalescing import _coalescing_manager as _coalescing_manager
from kernbench.distributed.collectives import (
    all_reduce,
    all_reduce_coalesced,
    broadcast,
    reduce,
)
from kernbench.distributed.debugging import (
    DebugLevel,
    get_debug_level,
    set_debug_level,
    set_debug_level_from_env,
)
from kernbench.distributed.device_mesh import DeviceMesh, init_device_mesh
from kernbench.distributed.futures import Future
from kernbench.distributed.gathering import (
    all_gather,
    all_gather_coalesced,
    all_gather_into_tensor,
    gather,
    reduce_scatter,
    reduce_scatter_tensor,
    scatter,
)
from kernbench.distributed.grad_bucket import GradBucket
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
    get_backend_config,
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
from kernbench.distributed.reduction import PremulSum, ReduceOp, supports_complex
from kernbench.distributed.reduction import PremulSum as _make_nccl_premul_sum  # noqa: F401
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
    QueueEmptyError,
    Store,
    TCPStore,
)
from kernbench.distributed.transposing import all_to_all, all_to_all_single
from kernbench.distributed.work import Work
from kernbench.errors import CollectiveMismatchError
from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.words import words

__all__ = [
    "Backend",
    "CollectiveMismatchError",
    "DebugLevel",
    "DeviceMesh",
    "DistBackendError",
    "DistError",
    "DistNetworkError",
    "DistStoreError",
    "FileStore",
    "Future",
    "GradBucket",
    "GroupMember",
    "HashStore",
    "P2POp",
    "PrefixStore",
    "PremulSum",
    "ProcessGroup",
    "QueueEmptyError",
    "ReduceOp",
    "Store",
    "TCPStore",
    "Work",
    "all_gather",
    "all_gather_coalesced",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_gather_single",
    "all_reduce",
    "all_reduce_coalesced",
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
    "get_backend_config",
    "get_debug_level",
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
    "set_debug_level",
    "set_debug_level_from_env",
    "split_group",
    "supports_complex",
]

_all_gather_base = all_gather_into_tensor
_reduce_scatter_base = reduce_scatter_tensor
all_gather_single = all_gather_into_tensor
reduce_scatter_single = reduce_scatter_tensor
reduce_op = ReduceOp
default_pg_timeout = timedelta(minutes=30)
constants = distributed_c10d = sys.modules[__name__]


_LAYERS = "use DistributedDataParallel, or the layers of kernbench.tp"
_ELSEWHERE = {
    "fsdp": _LAYERS,
    "tensor": _LAYERS,
    "_tensor": _LAYERS,
    "_composable": _LAYERS,
    "checkpoint": "use torch.save and torch.load on each rank",
    "BackendConfig": "use get_backend_config",
    "BuiltinCommHookType": "use torch.distributed.algorithms.ddp_comm_hooks",
    "Reducer": _LAYERS,
    "autograd": "use torch.distributed.nn.functional",
    "pipelining": "use isend, irecv and batch_isend_irecv",
    "register_rendezvous_handler": "use env://, tcp:// or file://, or a store",
    "rpc": "use send, recv and collectives",
    "shrink_group": "use new_group",
    "symmetric_memory": "use tl.remote in a kernel",
}
"""Parts of torch.distributed that there are not, and what to use, where something is like them."""
_ELSEWHERE |= dict.fromkeys(
    words(
        """
        AllToAllOptions AllreduceCoalescedOptions AllreduceOptions BarrierOptions BroadcastOptions
        GatherOptions ReduceOptions ReduceScatterOptions ScatterOptions
        """
    ),
    "give the arguments to the calls of torch.distributed themselves",
)
_ELSEWHERE |= dict.fromkeys(
    words("argparse_util launch launcher run"), "use kernbench run --nproc N SCRIPT"
)
_ELSEWHERE |= dict.fromkeys(
    words(
        """
        _broadcast_coalesced _find_pg_by_ranks_and_tag _new_process_group_helper _object_to_tensor
        _resolve_process_group _symmetric_memory _tensor_to_object _tools _world breakpoint
        c10d_logger record_comm remote_device utils
        """
    ),
    "",
)
_ELSEWHERE |= dict.fromkeys(
    words("ProcessGroupGloo ProcessGroupMPI ProcessGroupNCCL ProcessGroupUCC"),
    "use init_process_group and new_group",
)


def __getattr__(name: str) -> Any:
    if name == "WORLD":
        return GroupMember.WORLD
    if name in ("_functional_collectives", "algorithms", "nn", "optim"):
        return importlib.import_module(f"kernbench.distributed.{name}")
    if name in _ELSEWHERE:
        return Placeholder(f"torch.distributed.{name}", _ELSEWHERE[name])
    raise AttributeError(f"module 'torch.distributed' has no attribute {name!r}")
