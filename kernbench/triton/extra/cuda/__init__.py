"""``triton.language.extra.cuda``: an older place of ``libdevice``."""

from __future__ import annotations

from kernbench.language import libdevice

__all__ = ["libdevice"]
