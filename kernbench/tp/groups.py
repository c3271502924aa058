"""The process groups of one rank, by the parallelism they serve, and how they are built.

Every rank of the job builds every group, in one order, as ``torch.distributed.new_group`` demands,
and keeps those that it is a member of.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np

from kernbench import distributed as dist
from kernbench.runtime.rank import RankVar
from kernbench.tp.rank_generator import RankGenerator

__all__ = ["DENSE", "EXPERT", "STATE", "Groups", "Sizes", "build"]

DENSE = {
    "dp_cp": "dp-cp",
    "dp": "dp",
    "cp": "cp",
    "mp": "tp-pp",
    "tp": "tp",
    "pp": "pp",
    "tp_dp_cp": "tp-dp-cp",
    "tp_dp": "tp-dp",
    "tp_cp": "tp-cp",
}
"""Groups along the parallelisms of dense layers: our name, and RankGenerator's token."""

EXPERT = {
    "ep": "ep",
    "expt_tp": "tp",
    "tp_ep": "tp-ep",
    "tp_ep_pp": "tp-ep-pp",
    "expt_dp": "dp",
}
"""Those of expert layers, whose grid has sizes of its own."""

WITH_GLOO = ("dp_cp", "dp", "expt_dp")
"""Groups that have a twin for host tensors, ``NAME_gloo``."""


def _check_positive(**sizes: Any) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise RuntimeError(f"{name} parallel size: expected an integer from 1 on, got {size!r}")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How a job is divided."""

    tp: int
    pp: int
    cp: int
    ep: int
    expt_tp: int
    order: str
    world: int
    rank_offset: int
    optimizer_instances: int
    hierarchical_cp: tuple[int, ...]

    def dense(self) -> RankGenerator:
        """Return the grid of dense layers."""
        _check_positive(tensor=self.tp, pipeline=self.pp, context=self.cp)
        levels = self.hierarchical_cp
        if levels and math.prod(levels) != self.cp:
            raise RuntimeError(
                "hierarchical_context_parallel_sizes: expected sizes whose product is the context "
                f"parallel size {self.cp}, got {list(levels)}"
            )
        model = self.tp * self.pp * self.cp
        if self.world % model:
            raise RuntimeError(
                f"world_size ({self.world}) is not divisible by {model}, the product of the sizes "
                f"tensor {self.tp}, pipeline {self.pp} and context {self.cp}"
            )
        return RankGenerator(
            self.tp, 1, self.world // model, self.pp, self.cp, self.order, self.rank_offset
        )

    def expert(self) -> RankGenerator:
        """Return the grid of expert layers."""
        _check_positive(expert=self.ep, expert_tensor=self.expt_tp)
        model = self.expt_tp * self.ep * self.pp
        if self.world % model:
            raise RuntimeError(
                f"world_size ({self.world}) is not divisible by "
                f"expert_tensor_model_pipeline_parallel size ({model})"
            )
        return RankGenerator(
            self.expt_tp, self.ep, self.world // model, self.pp, 1, self.order, self.rank_offset
        )


@dataclass(slots=True)
class Groups:
    """What ``parallel_state`` knows for one rank.

    Attributes
    ----------
    members : dict of str to list of int
        Global ranks of this rank's group, by name; a name is there once its groups were built.
    groups : dict of str to ProcessGroup
        The groups themselves; those that this rank is no member of are missing.
    overrides : dict of str to int
        Ranks and sizes that were set by hand (``set_tensor_model_parallel_rank`` ...).
    virtual_pipeline_rank, virtual_pipeline_size : int or None
        Of interleaved pipelines.
    hierarchical_cp : list of ProcessGroup
        Groups of the levels of context parallelism.
    buffer : GlobalMemoryBuffer or None
        Reused memory.
    """

    members: dict[str, list[int]] = field(default_factory=dict)
    groups: dict[str, Any] = field(default_factory=dict)
    overrides: dict[str, int] = field(default_factory=dict)
    virtual_pipeline_rank: int | None = None
    virtual_pipeline_size: int | None = None
    hierarchical_cp: list[Any] = field(default_factory=list)
    buffer: Any = None


STATE: RankVar[Groups] = RankVar("parallel_state", lambda rank: Groups())
"""Each rank of each context has its own."""

EmbeddingRanks = Callable[[list[int]], list[int]]


def build(
    state: Groups,
    sizes: Sizes,
    *,
    timeout: timedelta,
    gloo: bool,
    embedding_ranks: EmbeddingRanks,
    position_embedding_ranks: EmbeddingRanks,
) -> None:
    """Build all groups of a job and keep this rank's in `state`.

    Raises
    ------
    RuntimeError
        When the sizes do not divide the world; nothing is built then.
    """
    dense, expert = sizes.dense(), sizes.expert()
    if dense.get_ranks("pp") != expert.get_ranks("pp"):
        raise AssertionError(
            "Pipeline parallel groups are expected to be the same for Non-Expert and Expert part, "
            f"but got {dense.get_ranks('pp')} and {expert.get_ranks('pp')}"
        )
    data = dense.dp * dense.cp
    if data % sizes.optimizer_instances or expert.dp % sizes.optimizer_instances:
        raise AssertionError(
            f"num_distributed_optimizer_instances ({sizes.optimizer_instances}) does not divide "
            f"the data parallel sizes ({data} and {expert.dp} of experts)"
        )
    me = dist.get_rank()

    def make(name: str, ranks: list[int], backend: str | None = None) -> Any:
        group = dist.new_group(ranks, timeout=timeout, backend=backend, group_desc=name)
        if me in ranks:
            state.groups[name] = group
            state.members[name] = ranks
        return group

    for grid, kinds in ((dense, DENSE), (expert, EXPERT)):
        for name, token in kinds.items():
            for ranks in grid.get_ranks(token):
                make(name, ranks)
                if gloo and name in WITH_GLOO:
                    make(f"{name}_gloo", ranks, "gloo")
    for ranks in dense.get_ranks("cp"):
        for level, part in _levels(ranks, sizes.hierarchical_cp):
            group = make(f"cp_level{level}", part)
            if me in part:
                state.hierarchical_cp.append(group)
    for ranks in dense.get_ranks("pp"):
        make("embd", embedding_ranks(ranks))
        make("pos_embd", position_embedding_ranks(ranks))
    for name in ("dp_cp", "expt_dp"):
        grid, token = (dense, "dp-cp") if name == "dp_cp" else (expert, "dp")
        for ranks in grid.get_ranks(token):
            _split_instances(make, name, ranks, sizes.optimizer_instances)


def _split_instances(
    make: Callable[[str, list[int]], Any], name: str, ranks: list[int], instances: int
) -> None:
    """Cut a data-parallel group for as many copies of the distributed optimizer."""
    size = len(ranks) // instances
    for start in range(0, len(ranks), size):
        make(f"intra_{name}", ranks[start : start + size])
    for first in range(size):
        make(f"inter_{name}", ranks[first::size])


def _levels(ranks: list[int], sizes: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Return (level, ranks) of the groups of nested context parallelism, innermost first."""
    found: list[tuple[int, list[int]]] = []
    for level, size in enumerate(sizes):
        inner = math.prod(sizes[:level])
        cut = np.asarray(ranks).reshape(-1, size, inner).transpose(0, 2, 1).reshape(-1, size)
        found += [(level, part) for part in cut.tolist()]
    return found
