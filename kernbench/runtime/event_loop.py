"""asyncio's running loop, which belongs to the thread, per rank: one that waits is outside of its.

So each rank may call ``asyncio.run``, beside others that do and below a notebook's own loop.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["enter_loop", "leave_loop"]


def leave_loop() -> Any:
    """Leave the loop that is running, and return it; None where none is, or asyncio is not used."""
    events = sys.modules.get("asyncio.events")
    if events is None:
        return None
    loop = events._get_running_loop()
    if loop is not None:
        events._set_running_loop(None)
    return loop


def enter_loop(loop: Any) -> None:
    """Go on within a loop that was left; not, if there was none."""
    if loop is not None:
        sys.modules["asyncio.events"]._set_running_loop(loop)
