"""Work in the background: embeddings of an older network made anew, the index saved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from knowledge_base.report_index import FlatReportIndex
from knowledge_base.storage.database import Database
from knowledge_base.storage.reports import outdated_reports, replace_embeddings
from models.contract import Predictor
from serving.settings import Settings
from serving.telemetry import log_failure, logger


class HasPredictor(Protocol):
    """A core as far as background work needs it."""

    @property
    def predictor(self) -> Predictor:
        """The network in force."""
        ...


class Maintained(Protocol):
    """What background work needs of the core in force."""

    @property
    def core(self) -> HasPredictor:
        """The parts in force."""
        ...

    @property
    def index(self) -> FlatReportIndex:
        """The index in force."""
        ...

    @property
    def space(self) -> str:
        """The name of the space of the network's embeddings."""
        ...


def embed_again(database: Database, active: Maintained, batch: int) -> int:
    """Embed the stored reports whose embedding another network made, and index them; return how many."""
    total = 0
    while outdated := outdated_reports(database, active.space, batch):
        predictions = active.core.predictor.predict([report for _, report in outdated])
        embeddings = [prediction.embedding for prediction in predictions]
        replace_embeddings(database, [(report.id, embedding) for (_, report), embedding
                                      in zip(outdated, embeddings, strict=True)], active.space)
        for (sequence, _), embedding in zip(outdated, embeddings, strict=True):
            active.index.add(sequence, embedding)
        total += len(outdated)
    return total


def maintain(database: Database, active: Maintained, settings: Settings) -> None:
    """Embed anew what an older network embedded, then save the index; failures are logged and tried again later."""
    try:
        if count := embed_again(database, active, settings.max_batch):
            logger.info("embedded_again", extra={"event": "embedded_again", "count": count})
        active.index.save(settings.index_path)
    except Exception as error:
        log_failure("maintenance_failed", error)


async def maintain_regularly(database: Database, active: Callable[[], Maintained], settings: Settings) -> None:
    """Maintain at start and then every ``maintenance_every_s`` seconds."""
    while True:
        await asyncio.to_thread(maintain, database, active(), settings)
        await asyncio.sleep(settings.maintenance_every_s)
