"""How probable a count is, or more, where another was expected: negative binomial and Poisson tails."""

from __future__ import annotations

from math import exp, lgamma, log, log1p


def count_tail(count: int, expected: float, size: float | None = None) -> float:
    """Return the probability of ``count`` or more where ``expected`` (above nil) are expected.

    With ``size`` the count is negative binomial with variance ``expected + expected² / size``, without it Poisson.
    """
    if count <= 0:
        return 1.0
    if count > expected:
        return _upper(count, expected, size)
    below = sum(exp(_log_mass(k, expected, size)) for k in range(count))
    return max(0.0, 1.0 - below)


def _upper(count: int, expected: float, size: float | None) -> float:
    """Sum the tail itself, so that small ones keep their digits."""
    total, mass, k = 0.0, exp(_log_mass(count, expected, size)), count
    while mass > total * 1e-9 and mass > 0.0:
        total += mass
        k += 1
        mass *= expected / k if size is None else expected / (expected + size) * (k - 1 + size) / k
    return min(1.0, total)


def _log_mass(k: int, expected: float, size: float | None) -> float:
    if size is None:
        return k * log(expected) - expected - lgamma(k + 1)
    return (lgamma(k + size) - lgamma(size) - lgamma(k + 1)
            - size * log1p(expected / size) + k * (log(expected) - log(expected + size)))
