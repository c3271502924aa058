"""What can be asked of groups and backends."""

from __future__ import annotations

import os
from typing import Any

from kernbench.distributed.backend import Backend
from kernbench.distributed.groups import ProcessGroup, default_group, group_of, worlds
from kernbench.distributed.stores import Store

__all__ = [
    "get_backend",
    "get_backend_config",
    "get_default_backend_for_device",
    "get_global_rank",
    "get_group_rank",
    "get_node_local_rank",
    "get_pg_count",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "is_available",
    "is_backend_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "is_ucc_available",
    "is_xccl_available",
]


def is_initialized() -> bool:
    """Tell whether there is a default group."""
    return worlds.get().default is not None


def get_rank(group: Any = None) -> int:
    """Return the caller's rank in a group; -1 when it is not a member."""
    found = group_of(group)
    return -1 if found is None else found.rank()


def get_world_size(group: Any = None) -> int:
    """Count the members of a group; -1 when the caller is not one."""
    found = group_of(group)
    return -1 if found is None else found.size()


def get_pg_count() -> int:
    """Count the groups that the caller is in."""
    return len(worlds.get().groups)


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """Return LOCAL_RANK of the environment, or `fallback_rank` where it is not set.

    Differs from torch: ``spawn`` sets it, too, so ranks do not fall back there.
    """
    found = os.environ.get("LOCAL_RANK", fallback_rank)
    if found is None:
        raise RuntimeError(
            "LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow "
            "`get_node_local_rank` to work, assuming you are not running in a multi-device context "
            "and want the code to run locally instead."
        )
    return int(found)


def _get_default_group() -> ProcessGroup:
    return default_group()


def _get_default_store() -> Store:
    default_group()
    store = worlds.get().store
    assert store is not None
    return store


def get_backend(group: Any = None) -> Backend:
    """Return the name of a group's backend for devices."""
    found = group_of(group)
    if found is None:
        raise ValueError("Invalid process group specified")
    return Backend(found._backend.rpartition(":")[2])


def get_backend_config(group: Any = None) -> str:
    """Return the backend of each type of device, such as ``"cpu:gloo,cuda:nccl"``."""
    found = group_of(group)
    if found is None:
        raise ValueError("Invalid process group specified")
    if ":" in found._backend:
        return found._backend
    kinds = ("cpu", "cuda") if found._backend == "gloo" else ("cuda",)
    return ",".join(f"{kind}:{found._backend}" for kind in kinds)


def get_process_group_ranks(group: Any = None) -> list[int]:
    """Return the ranks in the default group of a group's members."""
    found = group_of(group)
    return [] if found is None else list(found._shared.ranks)


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """Return the place in a group of a rank of the default group."""
    ranks = get_process_group_ranks(group)
    if global_rank not in ranks:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return ranks.index(global_rank)


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """Return the rank in the default group of a group's member."""
    ranks = get_process_group_ranks(group)
    if not 0 <= group_rank < len(ranks):
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return ranks[group_rank]


def get_default_backend_for_device(device: Any) -> str:
    """Return ``"nccl"`` for cuda, ``"gloo"`` for the CPU."""
    kind = str(getattr(device, "type", device)).partition(":")[0]
    if kind not in ("cuda", "cpu"):
        raise ValueError(f"Default backend not registered for device : {kind}")
    return "nccl" if kind == "cuda" else "gloo"


def is_available() -> bool:
    """Return True."""
    return True


def is_nccl_available() -> bool:
    """Return True."""
    return True


def is_gloo_available() -> bool:
    """Return True."""
    return True


def is_mpi_available() -> bool:
    """Return False: it is not modelled."""
    return False


def is_ucc_available() -> bool:
    """Return False: it is not modelled."""
    return False


def is_xccl_available() -> bool:
    """Return False: it is not modelled."""
    return False


def is_backend_available(backend: str) -> bool:
    """Tell whether a backend is modelled."""
    return backend.lower() in ("nccl", "gloo")


def is_torchelastic_launched() -> bool:
    """Tell whether ``kernbench run --nproc`` started the ranks, as torchrun does."""
    return "TORCHELASTIC_RUN_ID" in os.environ
