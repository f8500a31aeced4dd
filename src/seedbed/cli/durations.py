"""Durations as option values: 12h, 7d, 2w, or never."""

import re
from datetime import timedelta

import click

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Duration(click.ParamType["timedelta | str"]):
    """A number and a unit, or `never`."""

    name = "duration"

    def convert(
        self, value: "str | timedelta", param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | str:
        """Convert to a timedelta. `never` stays a word, because None means to click that the option was not given."""
        if isinstance(value, timedelta) or value == NEVER:
            return value
        matched = re.fullmatch(r"(\d+)([mhdw])", value)
        if matched is None or not int(matched[1]):
            self.fail(f"{value!r} is not of the form 12h, 7d or 2w", param, ctx)
        return int(matched[1]) * _UNITS[matched[2]]


NEVER = "never"
DURATION = Duration()


def length(value: timedelta | str | None) -> timedelta | None:
    """Return the duration; None for `never`."""
    return value if isinstance(value, timedelta) else None
