"""Errors about environments, settings and database URLs (SB110 to SB116)."""

import re
from collections.abc import Sequence

from seedbed.errors.base import ProjectError

_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,19}")


class UnknownEnvironment(ProjectError):
    """The environment chosen with `-e` or `SEEDBED_ENV` does not exist.

    The environments are `development`, `testing`, `preview` and `production`.
    """

    code = "SB110"

    def __init__(self, name: str, source: str, known: Sequence[str]) -> None:
        is_word = _WORD.fullmatch(name) is not None  # anything else may be a pasted URL with a password
        environment = f"environment {name!r}" if is_word else "such environment"
        super().__init__(f"There is no {environment} ({source}).", remedy=f"Choose one of: {', '.join(known)}.")


class DatabaseNotConfigured(ProjectError):
    """The chosen environment has no `DATABASE_URL`.

    Preview and production read `DATABASE_URL` from their own files or from the process. Seedbed ignores a value in
    `.env` for them: every environment reads that file, and it usually names a developer's database.
    """

    code = "SB111"

    def __init__(self, environment: str, file: str, *, file_exists: bool, shared: str | None = None) -> None:
        missing = f"{file} does not set it" if file_exists else f"there is no file {file}"
        fact = (
            f"DATABASE_URL comes from {shared}, which every environment reads"
            if shared
            else "DATABASE_URL is not set in the process"
        )
        super().__init__(
            f"No database is configured for {environment}: {fact}, and {missing}.",
            remedy=f"Set DATABASE_URL in {file}, or in the process that runs this command.",
        )


class UnknownSetting(ProjectError):
    """A setting has an unknown name.

    The name begins with `SEEDBED_`, or it is in a `.env` file and resembles a setting that is not set anywhere else.
    Correct the name. Seedbed reports the name because a misspelt setting would have no effect.
    """

    code = "SB112"

    def __init__(self, name: str, source: str, suggestion: str | None) -> None:
        super().__init__(
            f"{name} is not a setting of Seedbed ({source}).",
            remedy=f"Did you mean {suggestion}?" if suggestion else "seedbed config lists every setting.",
        )


class InvalidSetting(ProjectError):
    """A setting has an invalid value, such as a word instead of a number.

    The message names the source of the value, and the value that Seedbed expects. Correct the value at its source.
    """

    code = "SB113"

    def __init__(self, name: str, source: str, reason: str) -> None:
        super().__init__(f"{name} ({source}) is invalid: {reason}.", remedy=f"Correct {name} there.")


class InvalidDatabaseUrl(ProjectError):
    """A database URL cannot be parsed.

    Usually the password contains a `/` or a `?`, or an unquoted ` #` ends the value early. The message names the cause.
    It does not show the value, because the value may contain a password. [Settings](../explanation/settings.md)
    explains how Seedbed reads each file.
    """

    code = "SB114"

    def __init__(self, name: str, source: str, reason: str) -> None:
        super().__init__(
            f"{name} ({source}) is not a usable PostgreSQL URL: {reason}.",
            remedy="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE. Percent-encode % / ? @ # : and spaces in the "
            "password, and put the value in single quotes in a .env file.",
        )


class InvalidEnvFile(ProjectError):
    """A `.env` file has a line that is not `NAME=value`, or the file is not text.

    Usually a quote is not closed, so the value continues on the following lines. The message names the line, but does
    not show it, because the line may contain a secret.
    """

    code = "SB115"

    def __init__(self, location: str, reason: str) -> None:
        super().__init__(
            f"{location} cannot be read: {reason}.", remedy="Write one NAME=value per line; # starts a comment."
        )


class InsecureConnection(ProjectError):
    """The connection to production may be unencrypted.

    The URL points to another machine, and its `sslmode` allows a connection without encryption. Use `verify-full`,
    `verify-ca` or `require`. If a URL has no `sslmode`, production uses `verify-full`.
    """

    code = "SB116"

    def __init__(self, address: str, source: str, sslmode: str) -> None:
        super().__init__(
            f"sslmode={sslmode} may reach production at {address} without encryption ({source}).",
            remedy="Use sslmode=verify-full, with sslrootcert=system for a public certificate.",
        )
