"""Algorithms by name: what is there, and how users add theirs."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kernbench.ccl.call import Call, Plan
from kernbench.ccl.phases import Phases

COLLECTIVES = (
    "all_reduce",
    "all_gather",
    "reduce_scatter",
    "broadcast",
    "reduce",
    "all_to_all",
    "gather",
    "scatter",
    "send",
    "recv",
)
"""What a group can do together; `send` and `recv` are the two ends of one message."""

Planner = Callable[[Call], Plan]


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One way to do a collective.

    Attributes
    ----------
    collective, name : str
    plan : callable
        ``plan(call)`` makes the launch of one member.
    fits : callable
        ``fits(call)`` says whether it can serve such a call: some need a group of a certain size.
    needs : str
        What `fits` asks for, in words: for the error of who asks for it by name.
    phases : callable or None
        ``phases(call)`` says who sends what to whom; without it, it is never chosen by the model.
    """

    collective: str
    name: str
    plan: Planner
    fits: Callable[[Call], bool]
    needs: str = ""
    phases: Phases | None = None


_algorithms: dict[str, dict[str, Algorithm]] = {collective: {} for collective in COLLECTIVES}
_aliases: dict[str, str] = {"ring_default_ws": "ring"}


def _always(call: Call) -> bool:
    return True


def algorithm(
    collective: str,
    name: str,
    *,
    fits: Callable[[Call], bool] = _always,
    needs: str = "",
    phases: Phases | None = None,
) -> Callable[[Planner], Planner]:
    """Register a function as an algorithm; the last one of a name counts.

    Parameters
    ----------
    collective : str
        Which it does, as in :data:`COLLECTIVES`.
    name : str
        What it is chosen by.
    fits : callable
        Whether it can serve a call; all members must come to the same answer.
    needs : str
        What `fits` asks for, in words.
    phases : callable, optional
        Who sends what to whom, so that the model may choose it.

    Examples
    --------
    >>> from kernbench import ccl
    >>> @ccl.algorithm("all_reduce", "mine")
    ... def mine(call):
    ...     return ccl.find("all_reduce", "ring").plan(call)
    >>> "mine" in ccl.algorithms("all_reduce")
    True
    >>> ccl.remove("all_reduce", "mine")
    """
    known = _of(collective)

    def register(plan: Planner) -> Planner:
        known[name] = Algorithm(collective, name, plan, fits, needs, phases)
        return plan

    return register


def remove(collective: str, name: str) -> None:
    """Forget an algorithm."""
    find(collective, name)
    del _of(collective)[_aliases.get(name, name)]


def algorithms(collective: str) -> tuple[str, ...]:
    """Return the names of a collective's algorithms."""
    return tuple(_of(collective))


def knows(collective: str, name: str) -> bool:
    """Whether a collective has an algorithm of that name."""
    return _aliases.get(name, name) in _of(collective)


def find(collective: str, name: str) -> Algorithm:
    """Return an algorithm.

    Raises
    ------
    ValueError
        When there is none of that name; the message has the nearest.
    """
    known = _of(collective)
    found = known.get(_aliases.get(name, name))
    if found is None:
        raise ValueError(
            f"{collective}: expected an algorithm, one of {', '.join(known)}, got {name!r}"
            + nearest(name, known)
        )
    return found


def _of(collective: str) -> dict[str, Algorithm]:
    if collective not in _algorithms:
        raise ValueError(
            f"expected a collective, one of {', '.join(COLLECTIVES)}, got {collective!r}"
            + nearest(collective, _algorithms)
        )
    return _algorithms[collective]


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a question after what may have been meant; nothing where no name is like it."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
