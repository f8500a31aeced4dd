"""Output of a preview's URLs for GitHub Actions and dotenv files."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import click

from seedbed.errors import NotInGitHubActions
from seedbed.settings import DatabaseUrl


def see_github() -> str:
    """Where a step's outputs go.

    Raises:
        NotInGitHubActions: there is no GITHUB_OUTPUT to write to.
    """
    target = os.environ.get("GITHUB_OUTPUT")
    if not target:
        raise NotInGitHubActions
    return target


def to_github(facts: Mapping[str, str], secrets: Sequence[DatabaseUrl], summary: Sequence[str]) -> None:
    """Set a step's outputs, have GitHub hide every secret in its logs first, and add to the job's summary.

    The runner reads the commands that hide secrets on standard error too, so that standard output stays as it is.

    Raises as `see_github` does.
    """
    target = see_github()
    for secret in dict.fromkeys(_hidden(secrets)):
        click.echo(f"::add-mask::{_escape(secret)}", err=True)
    _append(target, "".join(f"{name}={value}\n" for name, value in facts.items()))
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        _append(page, "".join(f"{line}\n" for line in summary))


def dotenv_lines(url: DatabaseUrl, direct: DatabaseUrl) -> list[str]:
    """The two addresses as a .env file has them, with their passwords."""
    return [f"DATABASE_URL={url.reveal()}", f"DATABASE_URL_UNPOOLED={direct.reveal()}"]


def _hidden(urls: Sequence[DatabaseUrl]) -> list[str]:
    passwords = [value for url in urls if (value := url.connect_arguments().get("password"))]
    return [*(url.reveal() for url in urls), *passwords, *(quote(password, safe="") for password in passwords)]


def _escape(value: str) -> str:
    """A workflow command's value, as GitHub's toolkit (packages/core/src/command.ts, escapeData) writes it."""
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _append(file: str, text: str) -> None:
    with Path(file).open("a", encoding="utf-8") as opened:
        opened.write(text)
