"""Departments, duties, catalogue, routing, duplicates and storage."""
