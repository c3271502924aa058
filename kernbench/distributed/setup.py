"""Groups begin and end: ``init_process_group``, ``new_group``, and what can be asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernbench.distributed.backend import parse_backend
from kernbench.distributed.board import board_of, caller
from kernbench.distributed.groups import (
    NON_GROUP_MEMBER,
    ProcessGroup,
    check_timeout,
    default_group,
    group_of,
    worlds,
)
from kernbench.distributed.queries import get_process_group_ranks, get_rank
from kernbench.distributed.rendezvous import place_of, store_of
from kernbench.distributed.rounds import listed

__all__ = [
    "destroy_process_group",
    "init_process_group",
    "new_group",
    "new_subgroups",
    "new_subgroups_by_enumeration",
    "split_group",
]


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
    _ranks: Sequence[int] | None = None,
) -> None:
    """Make the default group; returns when every rank has called it.

    Parameters
    ----------
    backend : str, optional
        ``"nccl"``, ``"gloo"``, or by device, ``"cpu:gloo,cuda:nccl"``, which is the default.
    init_method : str, optional
        ``"env://"`` (the default), ``"tcp://host:port"`` or ``"file://path"``; the latter two take
        `rank` and `world_size` from the arguments, or from the URL's query.
    timeout, group_name, pg_options, device_id : object
        Accepted: a call that cannot end is found by the machine, without a timeout.
    world_size, rank : int
        Of the caller; else RANK and WORLD_SIZE of the environment.
    store : Store, optional
        Needs `rank` and `world_size`; excludes `init_method`.

    Raises
    ------
    ValueError
        When it is called twice, or an argument or a variable of the environment is missing.
    DeadlockError
        When some rank never calls it.

    Notes
    -----
    Differs from torch: nothing is sent over a network; ranks meet in the process (ADR-0059).

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench import distributed as dist
    >>> def work(rank):
    ...     dist.init_process_group("nccl")
    ...     if dist.get_rank() == 1:
    ...         print(dist.get_rank(), "of", dist.get_world_size())
    ...     dist.destroy_process_group()
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 2})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=2)
    1 of 2
    """
    runner, context = caller()
    mine = worlds.get()
    if mine.default is not None:
        raise ValueError("trying to initialize the default process group twice!")
    if store is not None and init_method is not None:
        raise AssertionError("Cannot specify both init_method and store.")
    check_timeout(timeout)
    config = parse_backend(backend)
    rank, world_size = place_of(init_method, store, rank, world_size)
    board = board_of(context)
    sip = max(runner.index, 0)
    lobby = board.lobby(world_size)
    if len(lobby.ranks) != world_size:
        raise ValueError(
            f"init_process_group: rank {rank} has world_size {world_size}, others have "
            f"{len(lobby.ranks)}"
        )
    if any(rank in found.entries for found in lobby.rounds.values()):
        raise ValueError(f"init_process_group: rank {rank} is taken: two workers call it so")
    sips = lobby.meet(rank, "init_process_group", sip, backend=config)
    lobby.sips = sips
    mine.default = ProcessGroup(context, lobby, rank, config, "default_pg")
    mine.store = store or store_of(init_method, world_size)
    mine.groups = [mine.default]
    mine.rank = rank
    runner.at_end.append(_settle_all)


def _settle_all() -> None:
    """At the end of a rank: what it has entered has to be entered by its peers."""
    for group in list(worlds.get().groups):
        group._shared.board.settle(group._shared, group._place)


def destroy_process_group(group: ProcessGroup | int | None = None) -> None:
    """Leave a group; the default one, which takes all others with it, unless told.

    A rank that is not in the group, and has NON_GROUP_MEMBER in its place, has nothing to leave.
    """
    mine = worlds.get()
    if isinstance(group, int) and group == NON_GROUP_MEMBER:
        return
    if mine.default is None:
        if caller()[0].aborting:
            return
        raise AssertionError("Process group cannot be None: there is none to destroy")
    if group is None or group is mine.default:
        if not caller()[0].aborting:
            _settle_all()
        mine.clear()
        return
    if group not in mine.groups:
        raise ValueError("Invalid process group specified")
    mine.groups.remove(group)
    group._shared.left.add(group._place)


def new_group(
    ranks: Sequence[int] | None = None,
    timeout: Any = None,
    backend: str | None = None,
    pg_options: Any = None,
    use_local_synchronization: bool = False,
    group_desc: str | None = None,
    device_id: Any = None,
    sort_ranks: bool = True,
) -> Any:
    """Make a group of some ranks; every rank has to call it, in the same order.

    With `sort_ranks` False a rank's place in the group is its place in `ranks`; errors name the
    group by `group_desc` and its ranks.  `timeout`, `pg_options` and `device_id` are accepted and
    change nothing, here as in what makes several groups.

    Returns
    -------
    ProcessGroup or int
        ``GroupMember.NON_GROUP_MEMBER`` for a rank that is not in it.
    """
    world = default_group()
    mine = worlds.get()
    check_timeout(timeout)
    chosen = _chosen_ranks(world, range(world.size()) if ranks is None else ranks, sort_ranks)
    config = world._backend if backend is None else parse_backend(backend)
    board = world._shared.board
    if use_local_synchronization:
        if world.rank() not in chosen:
            return NON_GROUP_MEMBER
    else:
        world._shared.meet(world.rank(), "new_group", ranks=chosen, backend=config)
    mine.n_groups += 1
    name = f"group {f'{group_desc} ' if group_desc else ''}[{listed(chosen)}]"
    if world.rank() not in chosen:
        return NON_GROUP_MEMBER
    made = _join(board, world, chosen, name)
    group = ProcessGroup(world._context, made, chosen.index(world.rank()), config, group_desc)
    mine.groups.append(group)
    return group


def _chosen_ranks(world: ProcessGroup, ranks: Sequence[int], sort: bool) -> tuple[int, ...]:
    chosen = tuple(sorted(ranks) if sort else ranks)
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"new_group: expected each rank once, got {list(ranks)}")
    if len(chosen) > world.size():
        raise ValueError(
            "the new group's world size should be less or equal to the world size set by "
            f"init_process_group; got {len(chosen)} ranks, world size {world.size()}"
        )
    if not chosen:
        raise ValueError("new_group: expected at least one rank, got none")
    for rank in chosen:
        if rank not in range(world.size()):
            raise ValueError(
                "The new group's rank should be within the world_size set by init_process_group; "
                f"got rank {rank!r}, world size {world.size()}"
            )
    return chosen


def _join(board: Any, world: ProcessGroup, chosen: tuple[int, ...], name: str) -> Any:
    """Return the group that the members who came before have made, or make it."""
    place = chosen.index(world.rank())
    for found in board.groups:
        if found is not world._shared and found.ranks == chosen and place not in found.joined:
            found.joined.add(place)
            return found
    others = (found for found in board.groups if found is not world._shared and board.lives(found))
    twins = sum(found.ranks == chosen for found in others)
    name = f"{name}, number {twins + 1} of these ranks" if twins else name
    made = board.add(chosen, tuple(world._shared.sips[rank] for rank in chosen), name)
    made.joined.add(place)
    return made


def new_subgroups(
    group_size: int | None = None,
    group: Any = None,
    timeout: Any = None,
    backend: str | None = None,
    pg_options: Any = None,
    group_desc: str | None = None,
) -> tuple[Any, list[Any]]:
    """Make groups of `group_size` neighbours; return the caller's, and all."""
    world = group_of(group)
    if world is None:
        raise ValueError("new_subgroups: expected a member of the group")
    size = world.size()
    if group_size is not None and group_size > size:
        raise ValueError(
            f"The arg 'group_size' ({group_size}) must not exceed the world size ({size})"
        )
    if group_size is None or not 1 <= group_size <= size or size % group_size:
        raise ValueError(
            f"The world size ({size}) must be divisible by 'group_size={group_size}'; "
            "expected a group size from 1 to the world size that divides it"
        )
    ranks = get_process_group_ranks(world)
    parts = [ranks[first : first + group_size] for first in range(0, size, group_size)]
    return new_subgroups_by_enumeration(parts, timeout, backend, pg_options, group_desc)


def new_subgroups_by_enumeration(
    ranks_per_subgroup_list: Sequence[Sequence[int]],
    timeout: Any = None,
    backend: str | None = None,
    pg_options: Any = None,
    group_desc: str | None = None,
) -> tuple[Any, list[Any]]:
    """Make the groups that are listed; return the one that the caller is in, or None, and all."""
    if not ranks_per_subgroup_list:
        raise ValueError("The arg 'ranks_per_subgroup_list' cannot be empty")
    seen: dict[int, int] = {}
    for number, ranks in enumerate(ranks_per_subgroup_list):
        for rank in ranks:
            if rank in seen:
                raise ValueError(
                    f"Rank {rank} has appeared in both subgroup "
                    f"{list(ranks_per_subgroup_list[seen[rank]])} and {list(ranks)}"
                )
            seen[rank] = number
    here, own, groups = get_rank(), None, []
    for ranks in ranks_per_subgroup_list:
        made = new_group(ranks, timeout, backend, pg_options, group_desc=group_desc)
        groups.append(made)
        if here in ranks:
            own = made
    return own, groups


def split_group(
    parent_pg: Any = None,
    split_ranks: Sequence[Sequence[int]] | None = None,
    timeout: Any = None,
    pg_options: Any = None,
    group_desc: str | None = None,
    backend: str | None = None,
) -> Any:
    """Split a group into the parts that are listed; return the caller's, or None."""
    parent = group_of(parent_pg)
    if parent is None or not split_ranks:
        raise ValueError("split_group: expected a group and the ranks of its parts")
    ranks = get_process_group_ranks(parent)
    parts = [[ranks[place] for place in part] for part in split_ranks]
    own, _ = new_subgroups_by_enumeration(parts, timeout, backend, pg_options, group_desc)
    return own
