"""Long lists of names, written as text."""

from __future__ import annotations

__all__ = ["words"]


def words(text: str) -> tuple[str, ...]:
    """Return the words of a text.

    Examples
    --------
    >>> words("abs add")
    ('abs', 'add')
    """
    return tuple(text.split())
