"""A machine for the tests that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import kernbench as kb


@pytest.fixture
def ctx() -> Iterator[kb.Context]:
    """Enter a context on the small machine."""
    with kb.Context("small") as context:
        yield context
