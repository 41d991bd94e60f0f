"""The errors of storage."""

from __future__ import annotations


class StorageError(Exception):
    """Base of the errors that storage raises."""


class IdConflictError(StorageError):
    """A report with this id and other content is already stored."""


class UnknownReportError(StorageError):
    """No report with this id is stored."""


class StorageUnavailableError(StorageError):
    """The database could not be read or written just now; nothing was stored."""


class UndoError(StorageError):
    """There is no such entry in force to take back."""
