"""``Work``: a collective or a message under way, and what waiting for it means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kernbench.distributed.futures import Future
from kernbench.distributed.groups import ProcessGroup
from kernbench.runtime.handle import Handle
from kernbench.runtime.rank import current_rank

__all__ = ["Work"]


class Work:
    """What a call with ``async_op=True`` returns.

    Notes
    -----
    With nccl, `wait` orders the caller's current stream behind the work, and the host goes on; with
    gloo the host waits.  Differs from torch: `wait` ignores its timeout, for a work that cannot end
    is found by the machine.
    """

    def __init__(
        self,
        group: ProcessGroup,
        backend: str,
        handle: Handle | None,
        finish: Callable[[], None] | None = None,
        result: Sequence[Any] = (),
        source: int = -1,
    ) -> None:
        self._group = group
        self._backend = backend
        self._handle = handle
        self._finish = finish
        self._result = list(result)
        self._source = source
        self._future: Future | None = None

    def wait(self, timeout: Any = None) -> bool:
        """Wait for it, as the backend does; return True."""
        if self._backend == "nccl":
            self.synchronize()
        else:
            self._wait_on_host()
        if self._future is not None and not self._future._is_done:
            self._future.set_result(self.result())
        return True

    def _until_begun(self) -> None:
        """Wait until it is launched; messages are so later than they are issued."""

    def _has_begun(self) -> bool:
        """Ask whether it is launched."""
        return True

    def synchronize(self) -> None:
        """Order the caller's current stream behind it, once it is launched."""
        self._until_begun()
        if self._handle is not None:
            sip = self._group._sip
            place = (sip, current_rank().stream_on(sip))
            self._group._context._order_behind(place, self._handle)

    def _wait_on_host(self) -> None:
        self._until_begun()
        if self._handle is not None:
            self._group._context.wait(self._handle)
        if self._finish is not None:
            finish, self._finish = self._finish, None
            finish()

    def is_completed(self) -> bool:
        """Tell whether it is done: a poll."""
        if not self._has_begun() or (self._handle is not None and not self._handle.done):
            return False
        if self._backend != "nccl":
            self._wait_on_host()
        return True

    def is_success(self) -> bool:
        """Tell whether it is done; a failure ends the run."""
        return self.is_completed()

    def exception(self) -> None:
        """Return None: a failure ends the run."""

    def result(self) -> list[Any]:
        """Return the tensors that hold the result."""
        return self._result

    def source_rank(self) -> int:
        """Return the rank that a message came from.

        Raises
        ------
        RuntimeError
            When it is no receive.
        """
        if self._source < 0:
            raise RuntimeError(
                "sourceRank() may only be called on work objects that correspond to a recv or "
                "recv-from-any call."
            )
        return self._source

    def get_future(self) -> Future:
        """Return the future of the result."""
        if self._future is None:
            self._future = Future._behind(self.wait, self._wait_if_completed)
        return self._future

    def _wait_if_completed(self) -> bool:
        """Poll; where it is done, take the result."""
        return self.is_completed() and self.wait()

    def __iter__(self) -> Iterator[Work]:
        yield self
