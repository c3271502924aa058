"""``torch.distributed.elastic.multiprocessing.errors``: how a rank's failure is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["record"]

F = TypeVar("F", bound=Callable[..., Any])


def record(fn: F, error_handler: Any = None) -> F:
    """Return `fn` itself: the failure of a rank is reported with its traceback anyway.

    Examples
    --------
    >>> @record
    ... def main():
    ...     return 3
    >>> main()
    3
    """
    return fn
