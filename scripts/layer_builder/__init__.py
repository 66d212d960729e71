"""Builds layers/ from data/: the same bytes on every machine."""
