"""Looking up stored reports: the index for nearness, the database for what they say."""

from __future__ import annotations

from knowledge_base.report_index import ReportIndex
from knowledge_base.storage.database import Database
from knowledge_base.storage.events import event_of
from knowledge_base.storage.records import EarlierReport, EventOf
from knowledge_base.storage.reports import earlier_reports
from models.contract import FloatArray
from serving.earlier import NEAREST, SEARCHED, same_city


class StoredReports:
    """Earlier reports of the database, found through the index of one network's embeddings."""

    def __init__(self, database: Database, index: ReportIndex, space: str) -> None:
        self._database = database
        self._index = index
        self._space = space

    def candidates(self, embedding: FloatArray, region: str | None, report_id: str) -> list[EarlierReport]:
        """Return up to ``NEAREST`` earlier reports of the same city, nearest first."""
        sequences = [sequence for sequence, _ in self._index.search(embedding, SEARCHED)]
        found = earlier_reports(self._database, sequences, self._space)
        return [earlier for earlier in found
                if same_city(region, earlier.report.region) and earlier.report.id != report_id][:NEAREST]

    def event_of(self, report_id: str) -> EventOf | None:
        """Return the event of an earlier report."""
        return event_of(self._database, report_id)
