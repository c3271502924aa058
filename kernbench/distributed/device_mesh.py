"""``torch.distributed.device_mesh``: ranks in a grid, with a group along each dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench.distributed.groups import ProcessGroup, default_group, worlds
from kernbench.distributed.queries import get_process_group_ranks
from kernbench.distributed.setup import init_process_group, new_group
from kernbench.runtime.dispatch import call
from kernbench.runtime.tensor import Tensor

__all__ = ["DeviceMesh", "init_device_mesh"]


class DeviceMesh:
    """Ranks in a grid of any number of dimensions, each of which has groups of its own.

    Parameters
    ----------
    device_type : str
        ``"cuda"`` or ``"cpu"``.
    mesh : Tensor or nested sequence of int
        The ranks of the default group, each once; every rank of the default group has to make the
        same meshes, in the same order.
    mesh_dim_names : tuple of str, optional
        For slicing.

    Examples
    --------
    >>> import kernbench as kb
    >>> from kernbench import distributed as dist
    >>> def work(rank):
    ...     mesh = init_device_mesh("cuda", (2, 2), mesh_dim_names=("dp", "tp"))
    ...     if rank == 2:
    ...         print(mesh, mesh.get_coordinate())
    ...         print(dist.get_process_group_ranks(mesh.get_group("tp")))
    >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 4})) as ctx:
    ...     ctx.multiprocessing.spawn(work, nprocs=4)
    DeviceMesh((dp=2, tp=2), 'cuda', stride=(2, 1)) (1, 0)
    [2, 3]
    """

    def __init__(
        self,
        device_type: str,
        mesh: Any,
        *,
        mesh_dim_names: Sequence[str] | None = None,
    ) -> None:
        if worlds.get().default is None:
            init_process_group()
        world = default_group()
        ranks = mesh.tolist() if isinstance(mesh, Tensor) else mesh
        self._start(device_type, np.asarray(ranks, dtype=np.int64), mesh_dim_names)
        _check_ranks(self._ranks, world.size())
        for dim in range(self.ndim):
            self._groups[dim] = self._group_along(dim, world)

    def _start(self, device_type: str, ranks: Any, names: Sequence[str] | None) -> None:
        self.device_type = device_type
        self.mesh_dim_names = None if names is None else tuple(names)
        self._ranks = ranks
        here = np.argwhere(ranks == default_group().rank())
        self._coordinate = tuple(int(i) for i in here[0]) if len(here) else None
        self._groups: list[ProcessGroup | None] = [None] * ranks.ndim

    def _group_along(self, dim: int, world: ProcessGroup) -> ProcessGroup | None:
        """Make the groups of a dimension; return the one that the caller is in."""
        lines = np.moveaxis(self._ranks, dim, -1).reshape(-1, self._ranks.shape[dim]).tolist()
        if lines == [list(range(world.size()))]:
            return world
        own = None
        for line in lines:
            made = new_group(line)
            if world.rank() in line:
                own = made
        return own

    @classmethod
    def from_group(
        cls,
        group: ProcessGroup | Sequence[ProcessGroup],
        device_type: str,
        mesh: Any = None,
        *,
        mesh_dim_names: Sequence[str] | None = None,
    ) -> DeviceMesh:
        """Return a mesh of groups that there are: one, or one for each dimension of `mesh`."""
        groups = [group] if isinstance(group, ProcessGroup) else list(group)
        if mesh is None:
            if len(groups) != 1:
                raise ValueError(f"from_group: expected a mesh with {len(groups)} groups, got none")
            mesh = get_process_group_ranks(groups[0])
        made = cls.__new__(cls)
        ranks = mesh.tolist() if isinstance(mesh, Tensor) else mesh
        made._start(device_type, np.asarray(ranks, dtype=np.int64), mesh_dim_names)
        if len(groups) != made.ndim:
            raise ValueError(
                f"from_group: expected a group for each of {made.ndim} dimensions, got "
                f"{len(groups)}"
            )
        made._groups[:] = groups
        return made

    # --- what it is -----------------------------------------------------------------------------

    @property
    def mesh(self) -> Tensor:
        """The ranks, as a tensor of the host."""
        found: Tensor = call("tensor", self._ranks.astype(np.int32), device="cpu")
        return found

    @property
    def ndim(self) -> int:
        """Count the dimensions."""
        return int(self._ranks.ndim)

    @property
    def shape(self) -> tuple[int, ...]:
        """How many ranks each dimension has."""
        return tuple(int(n) for n in self._ranks.shape)

    def size(self, mesh_dim: int | None = None) -> int:
        """Count the ranks, of a dimension or of all."""
        return math.prod(self.shape) if mesh_dim is None else self.shape[mesh_dim]

    def get_rank(self) -> int:
        """Return the caller's rank in the default group."""
        return default_group().rank()

    def get_coordinate(self) -> tuple[int, ...] | None:
        """Return the caller's place in the grid; None when it is not in it."""
        return self._coordinate

    def get_local_rank(self, mesh_dim: int | str | None = None) -> int:
        """Return the caller's place along a dimension."""
        return self.get_group(mesh_dim).rank()

    def get_group(self, mesh_dim: int | str | None = None) -> ProcessGroup:
        """Return the caller's group along a dimension, which only a mesh of one need not say."""
        if mesh_dim is None and self.ndim > 1:
            raise RuntimeError(
                f"Found the DeviceMesh have {self.ndim} dimensions: optional kwarg `mesh_dim` "
                "needs to be specified when device_mesh.ndim > 1"
            )
        place = mesh_dim or 0
        if isinstance(place, str):
            names = self.mesh_dim_names or ()
            if place not in names:
                raise KeyError(
                    f"Mesh dimension '{place}' does not exist. Available mesh dimensions are: "
                    f"mesh_dim_names={self.mesh_dim_names}"
                )
            place = names.index(place)
        found = self._groups[place]
        if found is None:
            raise IndexError(f"rank {self.get_rank()} is not in {self!r}: it has no group there")
        return found

    def get_all_groups(self) -> list[ProcessGroup]:
        """Return the caller's groups, one for each dimension."""
        return [self.get_group(dim) for dim in range(self.ndim)]

    # --- parts of it ----------------------------------------------------------------------------

    def __getitem__(self, mesh_dim_names: str | Sequence[str]) -> DeviceMesh:
        """Return the part along some dimensions that the caller is in; it has the same groups."""
        if self.mesh_dim_names is None:
            raise RuntimeError("Cannot slice a DeviceMesh without mesh_dim_names!")
        wanted = (mesh_dim_names,) if isinstance(mesh_dim_names, str) else tuple(mesh_dim_names)
        if wanted == self.mesh_dim_names:
            return self
        if not set(wanted) <= set(self.mesh_dim_names):
            raise KeyError(
                f"Invalid mesh_dim_names {wanted} specified. Valid mesh_dim_names are "
                f"{list(self.mesh_dim_names)}."
            )
        dims = [self.mesh_dim_names.index(name) for name in wanted]
        if dims != sorted(set(dims)):
            raise KeyError(
                f"Invalid mesh_dim_names {wanted} specified. Mesh dim indices should be in "
                "ascending order."
            )
        place = self._coordinate or (0,) * self.ndim
        cut = tuple(slice(None) if dim in dims else place[dim] for dim in range(self.ndim))
        part = DeviceMesh.__new__(DeviceMesh)
        part._start(self.device_type, self._ranks[cut], wanted)
        part._groups = [self._groups[dim] for dim in dims]
        return part

    def _key(self) -> tuple[Any, ...]:
        return self.device_type, self.mesh_dim_names, self.shape, tuple(self._ranks.flat)

    def _stride(self, dim: int) -> int:
        """Return how far the ranks of a dimension lie apart."""
        line = np.moveaxis(self._ranks, dim, -1).reshape(-1, self.shape[dim])[0]
        return int(line[1] - line[0]) if len(line) > 1 else math.prod(self.shape[dim + 1 :])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeviceMesh) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        names = self.mesh_dim_names
        sizes = (
            [f"{n}={size}" for n, size in zip(names, self.shape, strict=True)]
            if names
            else [str(size) for size in self.shape]
        )
        inside = ", ".join(sizes) + ("," if names is None and len(sizes) == 1 else "")
        strides = tuple(self._stride(dim) for dim in range(self.ndim))
        return f"DeviceMesh(({inside}), {self.device_type!r}, stride={strides})"


def _check_ranks(ranks: Any, world_size: int) -> None:
    if ranks.size > world_size:
        raise RuntimeError(
            f"Mesh should not be bigger than default world size {world_size}, but found "
            f"{ranks.size} ranks!"
        )
    for rank in ranks.flat:
        if not 0 <= rank < world_size:
            raise ValueError(
                f"Rank {rank} is out of range. Valid ranks are 0 to {world_size - 1} "
                f"(world_size={world_size})"
            )
    if len(set(ranks.flat)) < ranks.size:
        raise ValueError(f"ranks list must not contain duplicate entries, got {ranks.tolist()}")


def init_device_mesh(
    device_type: str,
    mesh_shape: Sequence[int],
    *,
    mesh_dim_names: Sequence[str] | None = None,
    backend_override: Any = None,
) -> DeviceMesh:
    """Return the ranks from 0 on in a grid; without a default group the environment makes one.

    Parameters
    ----------
    device_type : str
        ``"cuda"`` or ``"cpu"``, without a number.
    mesh_shape : sequence of int
        How many ranks each dimension has; the last one varies fastest.
    mesh_dim_names : sequence of str, optional
        One for each dimension.
    backend_override : object
        Not supported: groups have the backend of the default one.
    """
    names = None if mesh_dim_names is None else tuple(mesh_dim_names)
    if names is not None and len(set(names)) != len(names):
        raise RuntimeError(
            f"Each mesh_dim_name must be unique. Found repeated mesh_dim_name in mesh_dim_names "
            f"{names}"
        )
    if names is not None and len(names) != len(mesh_shape):
        raise RuntimeError(
            "mesh_shape and mesh_dim_names should have same length! Found len(mesh_dim_names): "
            f"{len(names)} and len(mesh_shape):{len(mesh_shape)}."
        )
    if not device_type.isalpha():
        raise RuntimeError(
            f"Device type with index is not supported but got {device_type}: expected the type "
            "alone"
        )
    if backend_override is not None:
        raise NotImplementedError("kernbench: init_device_mesh: backend_override")
    ranks = np.arange(math.prod(mesh_shape)).reshape(tuple(mesh_shape))
    return DeviceMesh(device_type, ranks.tolist(), mesh_dim_names=names)
