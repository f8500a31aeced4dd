"""Format the service's log: plain lines for a terminal, JSON for a log collector."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import structlog


def _pass_facts(_logger: object, _method: str, event: Any) -> tuple[tuple[str], dict[str, Any]]:
    """Make the event the record's message. Its facts become `record.facts`, which any formatter can read."""
    message = event.pop("event")
    exception = {"exc_info": event.pop("exc_info")} if "exc_info" in event else {}
    return (message,), {"extra": {"facts": event}, **exception}


LOGGER_NAME = "seedbed.service"
LOG: Any = structlog.wrap_logger(
    logging.getLogger(LOGGER_NAME),
    processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, _pass_facts],
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object: `timestamp`, `level`, `event` and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        timestamp = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"timestamp": timestamp, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class ConsoleFormatter(logging.Formatter):
    """Writes a record as one line for a person at a terminal."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging calls this name
        facts = getattr(record, "facts", {})
        return super().formatMessage(record) + "".join(f" {name}={value}" for name, value in facts.items())
