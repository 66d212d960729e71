"""Maps, ledger and history for a district's development plan."""

__version__ = "0.1.0"
