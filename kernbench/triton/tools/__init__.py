"""The face that scripts import as ``triton.tools``."""

from __future__ import annotations
