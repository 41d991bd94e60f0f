"""The family of errors that this package raises."""

from __future__ import annotations


class TrainingError(Exception):
    """Base of the errors whose message tells a data scientist what was found and what to do."""
