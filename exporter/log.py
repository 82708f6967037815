"""One structured line an event, logfmt or JSON, to standard error."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("exporter")


def event(level: int, message: str, *, error: BaseException | None = None, **fields: object) -> None:
    """Log `message` with `fields`; `error` adds its traceback."""
    LOGGER.log(level, message, extra={"fields": fields}, exc_info=error)


def set_up(level: str, form: str) -> None:
    """Send every log line of the process to standard error in one form, from `level` upwards."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Logfmt())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Every scrape would be a line; the exporter logs what it does, not who reads it.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    # The event loop's debug lines name transports, not events.
    logging.getLogger("asyncio").setLevel(max(logging.INFO, logging.getLogger().level))


class _Structured(logging.Formatter):
    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """Return the record as ordered fields; the traceback last."""
        found: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "msg": record.getMessage(),
        }
        if record.name != LOGGER.name:
            found["logger"] = record.name
        found.update(getattr(record, "fields", {}))
        if record.exc_info:
            found["traceback"] = self.formatException(record.exc_info)
        return found


class _Json(_Structured):
    def format(self, record: logging.LogRecord) -> str:
        """Render the record as one line."""
        line = json.dumps(self.fields(record), ensure_ascii=False, default=str)
        # JSON itself lets through what moves a cursor or ends a line elsewhere (C1 controls, U+2028).
        return line if line.isprintable() else json.dumps(self.fields(record), default=str)


class _Logfmt(_Structured):
    def format(self, record: logging.LogRecord) -> str:
        """Render the record as one line."""
        return " ".join(f"{key}={_value(value)}" for key, value in self.fields(record).items())


def _value(value: object) -> str:
    """Return one logfmt value; quoted as JSON, so that no newline or escape gets through."""
    text = str(value)
    if text and text.isprintable() and not set(text) & set(' "=\\'):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
