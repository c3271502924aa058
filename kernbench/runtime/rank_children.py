"""``subprocess.Popen`` per rank: while workers live, a rank's children have its environment.

The process that runs all ranks has one environment, which children get unless they are told.
"""

from __future__ import annotations

import functools
import os
import subprocess
from typing import Any, Self

from kernbench.runtime.rank import current_rank

__all__ = ["RankChildren"]

_BEFORE_ENV = 9
"""So many arguments of Popen may stand between the command and ``env``."""


class RankChildren:
    """What is in place of ``Popen.__init__``; `remove` puts the real one back."""

    def __init__(self) -> None:
        real = subprocess.Popen.__init__

        @functools.wraps(real)
        def begin(self: Any, args: Any, *more: Any, **named: Any) -> None:
            told = len(more) > _BEFORE_ENV or named.get("env") is not None
            if current_rank().is_worker and not told:
                named["env"] = dict(os.environ)
            real(self, args, *more, **named)

        self.real, self.begin = real, begin

    @classmethod
    def install(cls) -> Self:
        """Put it in place."""
        made = cls()
        vars(subprocess)["Popen"].__init__ = made.begin
        return made

    def remove(self) -> None:
        """Put back what was there, if this is still in its place."""
        if subprocess.Popen.__init__ is self.begin:
            vars(subprocess)["Popen"].__init__ = self.real
