"""Output of a preview's URLs for GitHub Actions and dotenv files."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import click

from seedbed.errors import NotInGitHubActions
from seedbed.settings import DatabaseUrl


def require_github_actions() -> str:
    """Return the file for step outputs.

    Raises:
        NotInGitHubActions: GITHUB_OUTPUT is not set.
    """
    output_file = os.environ.get("GITHUB_OUTPUT")
    if not output_file:
        raise NotInGitHubActions
    return output_file


def write_github_outputs(facts: Mapping[str, str], secrets: Sequence[DatabaseUrl], summary: Sequence[str]) -> None:
    """Set step outputs and add to the job's summary, after masking every secret in the log.

    The runner reads masking commands on standard error too, so they do not change standard output.

    Raises:
        NotInGitHubActions: GITHUB_OUTPUT is not set.
    """
    output_file = require_github_actions()
    for secret in dict.fromkeys(_list_secrets(secrets)):
        click.echo(f"::add-mask::{_escape(secret)}", err=True)
    _append(output_file, "".join(f"{name}={value}\n" for name, value in facts.items()))
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        _append(page, "".join(f"{line}\n" for line in summary))


def format_dotenv(url: DatabaseUrl, direct: DatabaseUrl) -> list[str]:
    """The two URLs as lines of a .env file, with their passwords."""
    return [f"DATABASE_URL={url.reveal()}", f"DATABASE_URL_UNPOOLED={direct.reveal()}"]


def _list_secrets(urls: Sequence[DatabaseUrl]) -> list[str]:
    passwords = [value for url in urls if (value := url.connect_arguments().get("password"))]
    return [*(url.reveal() for url in urls), *passwords, *(quote(password, safe="") for password in passwords)]


def _escape(value: str) -> str:
    """Escape a workflow command's value as GitHub's toolkit does (packages/core/src/command.ts, escapeData)."""
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _append(file: str, text: str) -> None:
    with Path(file).open("a", encoding="utf-8") as stream:
        stream.write(text)
