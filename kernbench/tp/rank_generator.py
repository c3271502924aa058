"""Which ranks form a group, when the ranks of a job are the points of a grid of parallelisms.

Pure arithmetic: no process, no group is made, so jobs of any size can be asked about.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["RankGenerator"]


class RankGenerator:
    """The grid tensor x context x expert x data x pipeline of a job (Megatron's RankGenerator).

    Parameters
    ----------
    tp, ep, dp, pp, cp : int
        The size of each parallelism.
    order : str
        Their names, joined by ``-``; the first varies fastest from rank to rank.  Those of size 1
        may be left out.
    rank_offset : int
        The rank of the grid's first point.
    gtp_remat : int
        1; other sizes are not implemented.

    Raises
    ------
    RuntimeError
        When a parallelism of more than one rank is missing in `order`.

    Examples
    --------
    >>> grid = RankGenerator(tp=2, ep=1, dp=2, pp=2, cp=1, order="tp-cp-ep-dp-pp")
    >>> grid.get_ranks("tp")
    [[0, 1], [2, 3], [4, 5], [6, 7]]
    >>> grid.get_ranks("tp-pp")
    [[0, 1, 4, 5], [2, 3, 6, 7]]
    """

    def __init__(
        self,
        tp: int,
        ep: int,
        dp: int,
        pp: int,
        cp: int,
        order: str,
        rank_offset: int = 0,
        gtp_remat: int = 1,
    ) -> None:
        if gtp_remat != 1:
            raise NotImplementedError(
                f"kernbench: RankGenerator: expected gtp_remat=1, got {gtp_remat}"
            )
        sizes = {"tp": tp, "pp": pp, "dp": dp, "ep": ep, "cp": cp}
        for name, size in sizes.items():
            if size < 1:
                raise RuntimeError(f"RankGenerator: expected {name} of at least 1, got {size}")
        assert ep == 1 or cp == 1, (
            f"RankGenerator: expected ep or cp to be 1, got ep={ep} and cp={cp}; expert layers "
            "have a grid of their own"
        )
        names = order.lower().split("-")
        unknown = [name for name in names if name not in sizes]
        if unknown or len(set(names)) != len(names):
            raise RuntimeError(
                f"RankGenerator: expected an order of {'-'.join(sizes)}, each once, got {order!r}"
            )
        for name, size in sizes.items():
            if name in names:
                continue
            if size != 1:
                raise RuntimeError(
                    f"The size of ({name}) is ({size}), but you haven't specified the order "
                    f"({order})."
                )
            names.append(name)
        self.tp, self.ep, self.dp, self.pp, self.cp = tp, ep, dp, pp, cp
        self.rank_offset = rank_offset
        self.order = "-".join(names)
        self.ordered_size = [sizes[name] for name in names]
        self.world_size = math.prod(self.ordered_size)

    def get_ranks(self, token: str) -> list[list[int]]:
        """Return the groups along some parallelisms, such as ``"tp"`` or ``"dp-cp"``.

        Returns
        -------
        list of list of int
            One list a group; within a group and from group to group, what comes first in the order
            varies fastest.
        """
        names = self.order.split("-")
        wanted = token.split("-")
        missing = [name for name in wanted if name not in names]
        if missing:
            raise ValueError(
                f"get_ranks: expected names out of {self.order!r} joined by '-', got {token!r}"
            )
        # NumPy's last axis varies fastest, our first does.
        grid = np.arange(self.world_size).reshape(self.ordered_size[::-1]) + self.rank_offset
        slow_to_fast = list(enumerate(reversed(names)))
        between = [axis for axis, name in slow_to_fast if name not in wanted]
        within = [axis for axis, name in slow_to_fast if name in wanted]
        size = math.prod(grid.shape[axis] for axis in within)
        groups: list[list[int]] = grid.transpose(between + within).reshape(-1, size).tolist()
        return groups
