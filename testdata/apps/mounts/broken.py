"""Fails to import."""

raise ValueError("not today")
