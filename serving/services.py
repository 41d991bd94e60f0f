"""The running service behind the routes: built once at start, its core replaced whole on reload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from knowledge_base.report_index import FlatReportIndex, open_index
from knowledge_base.storage.database import SqliteDatabase, open_database
from knowledge_base.storage.keys import any_key
from knowledge_base.storage.reports import count_embeddings, embeddings_after
from serving.batching import Batcher
from serving.circumstances import StoredCircumstances
from serving.core import Core, CoreBuilder
from serving.engine import Engine
from serving.hotspot_counts import HotspotCounts
from serving.jobs import maintain, maintain_regularly
from serving.limits import InFlight, RateLimiter
from serving.settings import Settings, check_binding
from serving.stored_reports import StoredReports
from serving.telemetry import Telemetry


@dataclass(slots=True, eq=False)
class Active:
    """A core with what is bound to it; ``borrowed`` counts the requests that use it."""

    core: Core
    engine: Engine
    batcher: Batcher
    index: FlatReportIndex
    borrowed: int = field(default=0)

    @property
    def space(self) -> str:
        """The name of the space of this network's embeddings."""
        return self.core.bundle.model_sha256


class Services:
    """Everything that routes need; ``start`` and ``stop`` belong to the application's lifespan."""

    def __init__(self, settings: Settings, builder: CoreBuilder,
                 clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.settings = settings
        self.clock = clock
        self.telemetry = Telemetry()
        self.in_flight = InFlight(settings.max_in_flight)
        self.limiter = RateLimiter(settings.rate_per_minute)
        self.storing = asyncio.Lock()
        self._builder = builder
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self.database: SqliteDatabase
        self.circumstances: StoredCircumstances
        self.hotspot_counts: HotspotCounts
        self.active: Active
        self.ready = False

    async def start(self, first: Core | None = None) -> None:
        """Open the database, build or take the first core, and begin to work.

        Raises:
            SettingsError: another host than loopback without keys.
            StorageError, BundleError, KnowledgeBaseError: a part that must not be served.
        """
        self.database = await asyncio.to_thread(open_database, self.settings.database_path)
        check_binding(self.settings.host, await asyncio.to_thread(any_key, self.database))
        self.circumstances = await asyncio.to_thread(StoredCircumstances, self.database)
        self.hotspot_counts = HotspotCounts(self.database)
        core = first if first is not None else await asyncio.to_thread(self._builder.build, self.settings)
        self.active = await asyncio.to_thread(self._activate, core, None)
        self.active.batcher.start()
        self._spawn(maintain_regularly(self.database, lambda: self.active, self.settings))
        self.ready = True

    async def stop(self) -> None:
        """Finish the work at hand, save the index, close the database."""
        self.ready = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.active.batcher.close()
        await asyncio.to_thread(self.active.index.save, self.settings.index_path)
        await asyncio.to_thread(self.database.close)

    @contextmanager
    def borrow(self) -> Iterator[Active]:
        """Return the core in force, kept alive as long as this is held."""
        active = self.active
        active.borrowed += 1
        try:
            yield active
        finally:
            active.borrowed -= 1

    async def reload(self, part: str) -> Core:
        """Put a newly built core in the place of the one in force; requests at hand finish with the old one.

        Raises:
            BundleError, KnowledgeBaseError: the new part is refused; the old one stays in force.
        """
        async with self._reloading:
            before = self.active
            core = await asyncio.to_thread(self._builder.build, self.settings, before.core, part)
            after = await asyncio.to_thread(self._activate, core, before)
            if after.batcher is not before.batcher:
                after.batcher.start()
            self.active = after
            if after.batcher is not before.batcher:
                self._spawn(_retire(before))
                self._spawn(asyncio.to_thread(maintain, self.database, after, self.settings))
        return core

    def _activate(self, core: Core, before: Active | None = None) -> Active:
        space, database = core.bundle.model_sha256, self.database
        if before is not None and before.space == space and before.index.size == core.bundle.embedding_size:
            index = before.index
        else:
            index = open_index(self.settings.index_path, core.bundle.embedding_size, space,
                               lambda up_to: count_embeddings(database, up_to, space),
                               lambda sequence: embeddings_after(database, sequence, space))
        engine = Engine(core.predictor, core.router, core.knowledge_base, core.bundle, core.pair_scorer,
                        StoredReports(database, index, space), self.telemetry.stage, self.circumstances)
        if before is not None and core.predictor is before.core.predictor:
            return Active(core, engine, before.batcher, index)
        return Active(core, engine, Batcher(core.predictor, self.settings.max_batch, self.settings.batch_wait_s),
                      index)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _retire(active: Active) -> None:
    while active.borrowed:
        await asyncio.sleep(0.05)
    await active.batcher.close()
