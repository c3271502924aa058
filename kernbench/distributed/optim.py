"""``torch.distributed.optim``: an optimizer whose state is divided among the ranks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernbench.distributed.collectives import broadcast
from kernbench.distributed.groups import group_of
from kernbench.distributed.objects import gather_object
from kernbench.distributed.queries import get_global_rank
from kernbench.optim import Optimizer
from kernbench.runtime.placeholder import Placeholder
from kernbench.runtime.tensor import Tensor

__all__ = ["ZeroRedundancyOptimizer"]


class ZeroRedundancyOptimizer(Optimizer):
    """An optimizer of which each rank steps, and keeps the state of, a part of the parameters.

    The largest parameter goes first, each to the rank that has least so far; after a step every
    rank broadcasts what it has changed.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        The same on all ranks.
    optimizer_class : type
        What steps each part.
    process_group : ProcessGroup, optional
        The default one unless told.
    parameters_as_bucket_view : bool
        Accepted; it changes nothing: each parameter is broadcast where it lies.
    **defaults
        Options of `optimizer_class`.

    Raises
    ------
    NotImplementedError
        For `overlap_with_ddp`.

    Examples
    --------
    >>> import kernbench as kb
    >>> import kernbench.torch as torch
    >>> from kernbench import distributed as dist
    >>> def work(rank):
    ...     dist.init_process_group("gloo")
    ...     weights = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(1))]
    ...     sgd = ZeroRedundancyOptimizer(weights, torch.optim.SGD, lr=0.5)
    ...     sum(each.sum() for each in weights).backward()
    ...     sgd.step()
    ...     print([each.tolist() for each in weights])
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=2)
    [[0.5, 0.5], [0.5]]
    [[0.5, 0.5], [0.5]]
    """

    def __init__(
        self,
        params: Any,
        optimizer_class: type[Optimizer],
        process_group: Any = None,
        parameters_as_bucket_view: bool = False,
        overlap_with_ddp: bool = False,
        **defaults: Any,
    ) -> None:
        if overlap_with_ddp:
            raise NotImplementedError(
                "kernbench: ZeroRedundancyOptimizer(overlap_with_ddp=True) is not implemented; "
                "call step() after backward()"
            )
        if isinstance(params, Tensor):
            raise TypeError(f"`params` argument should be an iterable of Tensors, got {params!r}")
        group = group_of(process_group)
        if group is None:
            raise ValueError("ZeroRedundancyOptimizer: expected a group that this rank is in")
        self.process_group, self.rank, self.world_size = group, group.rank(), group.size()
        self._owners: dict[int, int] = {}  # the rank in the group, by the parameter's id
        self._whole: dict[str, Any] | None = None  # the state of all parts, once brought together
        self.optim: Optimizer | None = None
        super().__init__(params, dict(defaults))
        self._class = optimizer_class
        self.optim = optimizer_class([self._own(each) for each in self.param_groups], **defaults)
        for group_, own in zip(self.param_groups, self.optim.param_groups, strict=True):
            group_.update({name: own[name] for name in own if name not in group_})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group, and divide its parameters."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        held = [0] * self.world_size
        for each in sorted(group["params"], key=lambda each: -each.numel()):
            owner = held.index(min(held))
            self._owners[id(each)] = owner
            held[owner] += each.numel()
        if self.optim is not None:
            self.optim.add_param_group(self._own(group))

    def _own(self, group: dict[str, Any]) -> dict[str, Any]:
        """Return a group with the parameters of this rank alone."""
        return {**group, "params": [p for p in group["params"] if self._owners[id(p)] == self.rank]}

    def _options_to_parts(self) -> None:
        """Let what a scheduler has changed hold in this rank's part, too."""
        assert self.optim is not None
        for group, own in zip(self.param_groups, self.optim.param_groups, strict=True):
            own.update({name: value for name, value in group.items() if name != "params"})

    def step(self, closure: Callable[[], Any] | None = None, **options: Any) -> Any:
        """Step this rank's part, and take the others' from them."""
        assert self.optim is not None
        self._options_to_parts()
        loss = self.optim.step(closure, **options)
        works = []
        for group in self.param_groups:
            for each in group["params"]:
                src = get_global_rank(self.process_group, self._owners[id(each)])
                works.append(broadcast(each.data, src, self.process_group, async_op=True))
        for work in works:
            assert work is not None
            work.wait()
        return loss

    def consolidate_state_dict(self, to: int = 0) -> None:
        """Bring the state of all parts to member `to` of the group; every rank has to call it."""
        assert self.optim is not None
        self._options_to_parts()
        number = {id(each): place for place, each in self._numbers()}
        mine = {number[id(each)]: held for each, held in self.optim.state.items()}
        parts: list[Any] | None = [None] * self.world_size if self.rank == to else None
        gather_object(mine, parts, group=self.process_group, group_dst=to)
        self._whole = None
        if parts is not None:
            state = {place: held for part in parts for place, held in part.items()}
            self._whole = {**super().state_dict(), "state": dict(sorted(state.items()))}

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all parts.

        Raises
        ------
        RuntimeError
            Where `consolidate_state_dict` has not brought it.
        """
        if self._whole is None:
            raise RuntimeError(
                "Optimizer state has not been consolidated on this rank. Please call "
                f"`consolidate_state_dict(to={self.rank})` on all ranks beforehand if you meant to "
                "save the global state."
            )
        return self._whole

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take options, and this rank's part of the state, from the whole."""
        assert self.optim is not None
        super().load_state_dict(state_dict)
        self._options_to_parts()
        for each in list(self.state):
            if self._owners[id(each)] == self.rank:
                self.optim.state[each] = self.state[each]
        self.state.clear()


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'torch.distributed.optim' has no attribute {name!r}")
    return Placeholder(
        f"torch.distributed.optim.{name}", "use the optimizers of torch.optim on each rank"
    )
