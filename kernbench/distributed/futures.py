"""``torch.futures``: a value that is there later, and what is to be done with it then.

Ranks have no other thread: what waits for a future does by itself what completes it, and calls what
was to be called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["Future", "collect_all", "wait_all"]


def _wait_for_nobody() -> None:
    """Wait for a value that is set by hand, or never."""


def _poll_nobody() -> bool:
    return False


class Future:
    """A value that is there later.

    Parameters
    ----------
    devices : sequence, optional
        Accepted: a stream is ordered by whoever waits.

    Examples
    --------
    >>> later = Future()
    >>> twice = later.then(lambda done: 2 * done.value())
    >>> later.set_result(3)
    >>> twice.wait()
    6
    """

    def __init__(self, *, devices: Any = None) -> None:
        self._is_done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future], Any]] = []
        self._reach: Callable[[], Any] = _wait_for_nobody
        self._poll: Callable[[], bool] = _poll_nobody

    @classmethod
    def _behind(cls, reach: Callable[[], Any], poll: Callable[[], bool]) -> Future:
        """Return a future that `reach` completes, and `poll` too where it returns True."""
        made = cls()
        made._reach, made._poll = reach, poll
        return made

    def done(self) -> bool:
        """Tell whether it is done: a poll."""
        return self._is_done or self._poll()

    def wait(self) -> Any:
        """Wait for it, as what makes it waits (`Work.wait` of a collective); return the value.

        Raises
        ------
        Exception
            The one that was set in place of a value.
        RuntimeError
            When nothing has set it: there is no other thread that could.
        """
        self._reach()
        return self.value()

    def value(self) -> Any:
        """Return the value; it has to be done."""
        if not self._is_done:
            raise RuntimeError(
                "Future: expected it to be done, got one whose value nothing has set: call "
                "set_result first, for a rank has no other thread that could"
            )
        if self._error is not None:
            raise self._error
        return self._value

    def set_result(self, result: Any) -> None:
        """Give it its value, once, and call what waits for that."""
        self._complete(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Give it an exception, which whoever asks for the value gets."""
        if not isinstance(result, BaseException):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._complete(None, result)

    def _complete(self, value: Any, error: BaseException | None) -> None:
        if self._is_done:
            raise RuntimeError(
                "Attempting to mark a completed Future as complete again. Note that a Future can "
                "only be marked completed once."
            )
        self._is_done, self._value, self._error = True, value, error
        callbacks, self._callbacks = self._callbacks, []
        for call in callbacks:
            call(self)

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        """Call `callback` with this future, once: now if it is done.

        Differs from torch: else that is when the rank waits, for it has no other thread.
        """
        if self._is_done:
            callback(self)
        else:
            self._callbacks.append(callback)

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """Return a future of what `callback` makes of this one, which it is called with once."""
        made = Future._behind(self._reach, lambda: self.done() and made._is_done)

        def complete(done: Future) -> None:
            try:
                value = callback(done)
            except Exception as error:
                made.set_exception(error)
            else:
                made.set_result(value)

        self.add_done_callback(complete)
        return made


def collect_all(futures: Sequence[Future]) -> Future:
    """Return a future of a list of futures, which is done when all of them are.

    Examples
    --------
    >>> first, second = Future(), Future()
    >>> both = collect_all([first, second])
    >>> first.set_result(1)
    >>> second.set_result(2)
    >>> [each.value() for each in both.wait()]
    [1, 2]
    """
    found = list(futures)
    left = len(found)

    def reach() -> None:
        for each in found:
            each._reach()

    def poll() -> bool:
        return all(each.done() for each in found)

    def count(_: Future) -> None:
        nonlocal left
        left -= 1
        if not left:
            made.set_result(found)

    made = Future._behind(reach, poll)
    for each in found:
        each.add_done_callback(count)
    if not found:
        made.set_result(found)
    return made


def wait_all(futures: Sequence[Future]) -> list[Any]:
    """Wait for all; return their values, or raise the first exception among them."""
    return [each.wait() for each in futures]
