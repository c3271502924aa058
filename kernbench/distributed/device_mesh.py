"""``torch.distributed.device_mesh``: ranks in a grid, with a group along each dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernbench.distributed.groups import ProcessGroup, default_group, worlds
from kernbench.distributed.mesh_layout import (
    check_names,
    check_ranks,
    lines_along,
    part_at,
    step_of,
)
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
        ranks = mesh.tolist() if isinstance(mesh, Tensor) else mesh
        self._start(device_type, np.asarray(ranks, dtype=np.int64), mesh_dim_names)
        check_ranks(self._ranks, default_group().size())
        self._groups[:] = [self._group_along([dim]) for dim in range(self.ndim)]

    def _start(
        self,
        device_type: str,
        ranks: Any,
        names: Sequence[str] | None,
        root: DeviceMesh | None = None,
        parts: tuple[tuple[int, ...], ...] | None = None,
    ) -> None:
        """Note what it is: of its own, or of dimensions of a root, each of which may be several."""
        self.device_type = device_type
        self.mesh_dim_names = None if names is None else tuple(names)
        if self.mesh_dim_names is not None:
            check_names(self.mesh_dim_names, ranks.ndim)
        self._ranks = ranks
        self._root = self if root is None else root
        self._parts = parts or tuple((dim,) for dim in range(ranks.ndim))
        self._flattened: dict[str, DeviceMesh] = {}
        here = np.argwhere(ranks == default_group().rank())
        self._coordinate = tuple(int(i) for i in here[0]) if len(here) else None
        self._groups: list[ProcessGroup | None] = [None] * ranks.ndim

    def _group_along(self, dims: Sequence[int]) -> ProcessGroup | None:
        """Make the groups along some dimensions; return the one that the caller is in."""
        world, own = default_group(), None
        lines = lines_along(self._ranks, dims)
        if lines == [list(range(world.size()))]:
            return world
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
        if isinstance(place, str) and place in self._root._flattened:
            return self._root._flattened[place].get_group()
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
        known = {
            name: (part, group)
            for name, part, group in zip(
                self.mesh_dim_names, self._parts, self._groups, strict=True
            )
        }
        for name, flat in self._flattened.items():
            known[name] = flat._parts[0], flat._groups[0]
        if not set(wanted) <= set(known):
            raise KeyError(
                f"Invalid mesh_dim_names {wanted} specified. Valid mesh_dim_names are "
                f"{list(known)}."
            )
        dims = [dim for name in wanted for dim in known[name][0]]
        if dims != sorted(dims):
            raise KeyError(
                f"Invalid mesh_dim_names {wanted} specified. Mesh dim indices should be in "
                "ascending order."
            )
        if len(set(dims)) < len(dims):
            raise RuntimeError(f"Slicing overlapping dim_names {wanted} is not allowed.")
        return self._part(wanted, [known[name] for name in wanted])

    def _part(
        self,
        names: tuple[str, ...],
        known: Sequence[tuple[tuple[int, ...], ProcessGroup | None]],
    ) -> DeviceMesh:
        """Return the part of the root that the caller is in, of dimensions with their groups."""
        root, parts = self._root, tuple(part for part, _ in known)
        made = DeviceMesh.__new__(DeviceMesh)
        ranks = part_at(root._ranks, root._coordinate or (0,) * root.ndim, parts)
        made._start(self.device_type, ranks, names, root, parts)
        made._groups = [group for _, group in known]
        return made

    def _flatten(
        self, mesh_dim_name: str | None = None, backend_override: Any = None
    ) -> DeviceMesh:
        """Return a mesh of one dimension that has all ranks of this one, in its order.

        Every rank has to call it.  The mesh that this one was sliced from knows it by its name, in
        brackets and in `get_group`.

        Parameters
        ----------
        mesh_dim_name : str, optional
            The names of the dimensions, joined by ``_``, unless told.
        backend_override : object
            Not supported: groups have the backend of the default one.

        Examples
        --------
        >>> import kernbench as kb
        >>> def work(rank):
        ...     mesh = init_device_mesh("cuda", (2, 1, 2), mesh_dim_names=("dp", "cp", "tp"))
        ...     flat = mesh["dp", "cp"]._flatten()
        ...     if rank == 3:
        ...         print(flat, flat.mesh.tolist(), mesh["dp_cp"] == flat)
        >>> with kb.Context(kb.Topology.preset("small", {"system.sips": 4})) as ctx:
        ...     ctx.multiprocessing.spawn(work, nprocs=4)
        DeviceMesh((dp_cp=2), 'cuda', stride=(2,)) [1, 3] True
        """
        if self.mesh_dim_names is None:
            raise RuntimeError("Cannot flatten a DeviceMesh without mesh_dim_names!")
        name = mesh_dim_name or "_".join(self.mesh_dim_names)
        if (name,) == self.mesh_dim_names:
            return self
        if backend_override is not None:
            raise NotImplementedError("kernbench: DeviceMesh._flatten: backend_override")
        root = self._root
        if name in (root.mesh_dim_names or ()):
            raise ValueError(
                f"{name} already exists for submesh of the {root}. The mesh_dim_names of submesh "
                f"and flattened mesh are {root.mesh_dim_names}. Please specify another valid "
                "mesh_dim_name."
            )
        dims = tuple(dim for part in self._parts for dim in part)
        known = root._flattened.get(name)
        if known is None:
            known = self._part((name,), [(dims, root._group_along(dims))])
            root._flattened[name] = known
        elif known._parts != (dims,):
            raise ValueError(
                f"Flatten mesh with mesh_dim_name {name} has been created before, Please specify "
                "another valid mesh_dim_name."
            )
        return known

    def _key(self) -> tuple[Any, ...]:
        return self.device_type, self.mesh_dim_names, self.shape, tuple(self._ranks.flat)

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
        strides = tuple(step_of(self._ranks, dim) for dim in range(self.ndim))
        return f"DeviceMesh(({inside}), {self.device_type!r}, stride={strides})"


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
