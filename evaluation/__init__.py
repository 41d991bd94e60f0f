"""Metrics, reports and gates for bundles."""
