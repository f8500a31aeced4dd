"""The service's log, as lines for a person or JSON for a program."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import structlog


def _with_facts(_logger: object, _method: str, event: Any) -> tuple[tuple[str], dict[str, Any]]:
    """The event as the record's message, and everything else beside it, for whichever formatter there is."""
    said = event.pop("event")
    kept = {"exc_info": event.pop("exc_info")} if "exc_info" in event else {}
    return (said,), {"extra": {"facts": event}, **kept}


LOGGER = "seedbed.service"
LOG: Any = structlog.wrap_logger(
    logging.getLogger(LOGGER),
    processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, _with_facts],
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


class JsonLines(logging.Formatter):
    """A record as one JSON object: `timestamp`, `level`, `event` and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"timestamp": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """A record for a person at a terminal."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the method that logging calls
        facts = getattr(record, "facts", {})
        return super().formatMessage(record) + "".join(f" {name}={value}" for name, value in facts.items())
