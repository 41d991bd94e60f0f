"""Bounding what clients may ask at once and per minute."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from serving.errors import ProblemError, overloaded


class RateLimiter:
    """A token bucket for each key, holding one minute's worth."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def delay(self, key: str) -> float:
        """Take a token and return 0, or return the seconds until there is one."""
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.get(key, (float(self._per_minute), now))
            tokens = min(float(self._per_minute), tokens + (now - since) * self._per_minute / 60)
            taken = tokens >= 1
            self._buckets[key] = (tokens - taken, now)
        return 0.0 if taken else (1 - tokens) * 60 / self._per_minute

    def take(self, key: str) -> None:
        """Take a token.

        Raises:
            ProblemError: 429, with the seconds to wait.
        """
        if (delay := self.delay(key)) > 0:
            raise ProblemError(429, "rate_limited", f"more than {self._per_minute} requests a minute with this key",
                               retry_after_s=max(1, math.ceil(delay)))


class InFlight:
    """Counts requests being answered and refuses those over the bound; used in the event loop only."""

    def __init__(self, bound: int) -> None:
        self.bound = bound
        self.count = 0

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Count one request.

        Raises:
            ProblemError: 503, where the bound is reached.
        """
        if self.count >= self.bound:
            raise overloaded(f"{self.bound} requests are being answered already; send this one again")
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
