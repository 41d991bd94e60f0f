"""Fixtures that unit tests share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.tiny_bundle import TinyModel


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tiny networks are slower on several threads; only tests that import torch have it loaded here."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    """A tiny random network with its exported bundle; torch is imported only by tests that ask for it."""
    from tests.unit.tiny_bundle import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("tiny"))
