"""A machine for the tests of tensors."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import kernbench as kb


@pytest.fixture
def ctx() -> Iterator[kb.Context]:
    with kb.Context("small") as context:
        yield context
