"""The log on standard error: lines for people, or one JSON object a line for a log collector."""

from __future__ import annotations

import datetime
import json
import logging

FACTS = ("request_id", "incident", "method", "path", "status", "took_ms", "bytes")
TEXT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def log_to_stderr(kind: str) -> None:
    """Log from here on as ``text`` or ``json``; only JSON has a line for each request."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if kind == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger("pikepdf").setLevel(logging.WARNING)
    logging.getLogger("geo_service.access").setLevel(logging.INFO if kind == "json" else logging.WARNING)


class JsonLines(logging.Formatter):
    """One record as one line of JSON; a trace is a text in it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        body: dict[str, object] = {
            "at": datetime.datetime.fromtimestamp(record.created, datetime.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        body |= {name: getattr(record, name) for name in FACTS if hasattr(record, name)}
        if record.exc_info:
            body["trace"] = self.formatException(record.exc_info)
        return json.dumps(body, ensure_ascii=False, default=str)
