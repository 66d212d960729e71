"""Why a file does not read, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class FileFault(ValueError):
    """A file that does not read: ``code`` is a finding's, ``line`` counts from 1, ``field`` may be empty."""

    def __init__(
        self, *, code: str, line: int, field: str = "", reason: str = "", params: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{line}: {field or code}: {reason}")
        self.code = code
        self.line = line
        self.field = field
        self.reason = reason
        self.params = {"reason": reason, **(params or {})}


def decode_text(data: bytes) -> str:
    """UTF-8 text without byte-order mark.

    Raises
    ------
    FileFault
        A byte that is not UTF-8; the line is that of the byte.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileFault(code="file-not-utf8", line=line, reason=f"0x{data[error.start]:02X}") from None
