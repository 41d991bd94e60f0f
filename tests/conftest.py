"""Fixtures that many tests share: the real knowledge base, a dummy network, a service over them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, load_knowledge_base
from knowledge_base.storage.database import SqliteDatabase, open_database
from models.bundle import Bundle
from models.contract import Predictor
from models.dummy import DummyPredictor, dummy_bundle
from serving.app import create_app
from serving.core import Core, CoreBuilder
from serving.settings import Settings

LOOPBACK = "http://127.0.0.1"


def dummy_network(_folder: Path, knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
    """Return a network that takes no time, with the labels of the knowledge base."""
    labels = knowledge_base.taxonomy.codes, knowledge_base.department_codes
    return dummy_bundle(*labels), DummyPredictor(*labels)


@pytest.fixture(scope="session")
def knowledge_base() -> KnowledgeBase:
    """The shipped knowledge base."""
    return load_knowledge_base(DEFAULT_FOLDER)


@pytest.fixture(scope="session")
def dummy_builder() -> CoreBuilder:
    """A builder with the dummy network and everything else real."""
    return CoreBuilder(network=dummy_network)


@pytest.fixture(scope="session")
def core(dummy_builder: CoreBuilder, tmp_path_factory: pytest.TempPathFactory) -> Core:
    """A core over the dummy network; built once, since it never changes."""
    return dummy_builder.build(Settings(data_dir=tmp_path_factory.mktemp("core")))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data directory of the test's own."""
    return Settings(data_dir=tmp_path / "var", batch_wait_s=0.0)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    """An empty database."""
    opened = open_database(tmp_path / "test.db")
    yield opened
    opened.close()


@pytest.fixture
def app(settings: Settings, dummy_builder: CoreBuilder, core: Core) -> FastAPI:
    """The application over the dummy network, without keys."""
    return create_app(settings, dummy_builder, first=core)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client on this machine."""
    with TestClient(app, base_url=LOOPBACK) as opened:
        yield opened
