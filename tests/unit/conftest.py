"""Fixtures that unit tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.tiny_bundle import TinyModel


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """A tiny random network with its exported bundle; torch is imported only by tests that ask for it."""
    from tests.unit.tiny_bundle import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("tiny"))
