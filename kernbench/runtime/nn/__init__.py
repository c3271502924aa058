"""Modules and parameters, under ``torch.nn``'s names; :mod:`kernbench.torch.nn` gives them out."""

from __future__ import annotations
