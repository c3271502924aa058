"""``os.environ`` per rank: an overlay, while workers live."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping

from kernbench.runtime.rank import current_rank

__all__ = ["RankEnviron"]


class RankEnviron(MutableMapping[str, str]):
    """The process's environment, with each worker's own changes on top.

    What the main program sets is set for all, as processes inherit it; what a worker sets, only it
    sees.  `install` puts it in place of ``os.environ``; `remove` puts the real one back.
    """

    def __init__(self, real: MutableMapping[str, str]) -> None:
        self.real = real

    @classmethod
    def install(cls) -> RankEnviron:
        """Put an overlay in place."""
        overlay = cls(os.environ)
        vars(os)["environ"] = overlay
        return overlay

    def remove(self) -> None:
        """Put back what was there, if this is still in its place."""
        if vars(os)["environ"] is self:
            vars(os)["environ"] = self.real

    def __getitem__(self, key: str) -> str:
        changes = current_rank().environ
        if key in changes:
            value = changes[key]
            if value is None:
                raise KeyError(key)
            return value
        return self.real[key]

    def __setitem__(self, key: str, value: str) -> None:
        rank = current_rank()
        if not rank.is_worker:
            self.real[key] = value
            return
        for given in (key, value):
            if type(given) is not str:
                raise TypeError(f"str expected, not {type(given).__name__}")
        rank.environ[key] = value

    def __delitem__(self, key: str) -> None:
        rank = current_rank()
        if not rank.is_worker:
            del self.real[key]
            return
        if key not in self:
            raise KeyError(key)
        rank.environ[key] = None

    def __iter__(self) -> Iterator[str]:
        changes = current_rank().environ
        yield from (key for key in self.real if key not in changes)
        yield from (key for key, value in changes.items() if value is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def copy(self) -> dict[str, str]:
        """Return the rank's environment as a dict."""
        return dict(self)

    def __or__(self, other: MutableMapping[str, str]) -> dict[str, str]:
        return dict(self) | dict(other)

    def __ror__(self, other: MutableMapping[str, str]) -> dict[str, str]:
        return dict(other) | dict(self)

    def __repr__(self) -> str:
        return f"environ({dict(self)!r})"
