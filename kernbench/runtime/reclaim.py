"""Memory of tensors that went: given back once no work under way can use it.

What is given back, and when, depends on nothing but what the rank itself has seen: its waits.  So
the addresses that it gets, and with them its times, do not depend on how far other ranks have
driven the machine.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernbench.runtime.handle import Handle

__all__ = ["Reclaimer"]


class Reclaimer:
    """Launches and copies of one SIP that are not seen done, and the ranges that were let go."""

    def __init__(self) -> None:
        self.n_launches = 0
        self.under_way: dict[int, deque[Handle]] = {}  # by stream; each ends in this order
        self.let_go: list[tuple[int, int]] = []  # (work before, va)
        self.launches_want_it = False  # what was let go lies in TCM, or some of it

    def submitted(self, handle: Handle, stream: int) -> None:
        """Note a mark that was submitted: what comes before it in its stream ends before it."""
        handle._sequence = self.n_launches

    def launched(self, launch: Handle, stream: int) -> None:
        """Note a launch or a copy that was submitted: its tensors stay until it is seen done."""
        self.n_launches += 1
        launch._sequence = self.n_launches
        queue = self.under_way.get(stream)
        if queue is None:
            queue = self.under_way[stream] = deque()
        queue.append(launch)

    def seen(self, handle: Handle, stream: int) -> None:
        """Note that it is done, and with it what came before it in its stream."""
        queue = self.under_way.get(stream)
        while queue and queue[0]._sequence <= handle._sequence:
            queue.popleft()._see()
        if queue is not None and not queue:
            del self.under_way[stream]  # groups have streams of their own, and come and go

    def all_seen(self) -> None:
        """Note that everything is done."""
        for queue in self.under_way.values():
            for done in queue:
                done._see()
        self.under_way.clear()

    def free(self, va: int, in_tcm: bool) -> None:
        """Note that the last tensor over a range went."""
        self.let_go.append((self.n_launches, va))
        self.launches_want_it |= in_tcm

    def take(self) -> list[int]:
        """Return the ranges that no launch under way was submitted before the end of."""
        if not self.let_go:
            return []
        oldest = min(
            (queue[0]._sequence for queue in self.under_way.values()),
            default=self.n_launches + 1,
        )
        taken = [va for before, va in self.let_go if before < oldest]
        if taken:
            self.let_go = [(before, va) for before, va in self.let_go if before >= oldest]
            self.launches_want_it &= bool(self.let_go)
        return taken
