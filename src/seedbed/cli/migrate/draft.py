"""`seedbed migrate draft`: generate a migration, and ask the questions that only a person can answer."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from seedbed.cli.options import ask, columns, configuration, env_option, json_option, show, step

if TYPE_CHECKING:
    from seedbed.errors import AmbiguousRename
    from seedbed.migrations.draft.decisions import Decisions
    from seedbed.migrations.draft.draft import DraftedRevisions
    from seedbed.settings import Configuration


@click.command("draft", short_help="Generate a migration from model changes, and test it.")
@click.option("-m", "--message", required=True, help="What the revision does, in a few words.")
@click.option("--empty", is_flag=True, help="Create an empty revision to edit by hand (not tested).")
@click.option(
    "--rename", "renames", multiple=True, metavar="OLD=NEW", help="Rename instead of drop and add: task.name=task.title"
)
@click.option(
    "--drop", "dropped", multiple=True, metavar="NAME", help="Drop this column or table; do not treat it as a rename."
)
@click.option(
    "--backfill",
    "backfills",
    multiple=True,
    metavar="COLUMN=SQL",
    help="SQL expression for a new column in existing rows.",
)
@click.option("--gradual", is_flag=True, help="Keep a renamed column under both names until a contract revision.")
@click.option("--partial", is_flag=True, help="Leave out changes that must be written by hand, and list them.")
@click.option("--plain", is_flag=True, help="Single transaction, no online steps (for unused tables).")
@env_option
@json_option
@click.pass_context
def draft(
    ctx: click.Context,
    message: str,
    empty: bool,
    gradual: bool,
    partial: bool,
    plain: bool,
    renames: tuple[str, ...],
    dropped: tuple[str, ...],
    backfills: tuple[str, ...],
    env: str | None,
    as_json: bool,
) -> None:
    """Generate a migration from model changes, and test it on a temporary database.

    Use this after you changed the models. The environment's database is not used: the migrations run on one temporary
    database, the models are built on another, and their catalogs are compared. The new revision is tested with sample
    rows: upgrade (the schema must match the models, and the rows must survive), downgrade, upgrade again. If a step
    fails, no file is kept.

    Operations that would block other sessions go into a second, online revision, whose steps are committed as they run:
    indexes CONCURRENTLY, constraints NOT VALID and validated afterwards, backfills in batches. A column that changes
    its type exists twice for a while, and a trigger keeps both in step; a third, contract revision drops the old column
    and is applied after the deploy.

    Renames, drops and backfills are decided by hints in the models, by options, or by an answer on the terminal.
    Something that looks renamed is only dropped if you say so. Ctrl-C leaves no revision behind.

    Example: seedbed migrate draft -m "Add a priority to tasks"
    """
    from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
    from seedbed.migrations.draft.draft import draft as write_draft
    from seedbed.migrations.draft.draft import draft_empty

    if gradual and plain:
        raise click.UsageError("--gradual takes several revisions, and --plain writes one: choose.")
    if empty and (gradual or plain or renames or dropped or backfills):
        raise click.UsageError("--empty compares nothing, so no other option has an effect: leave them out.")
    strategy = RolloutStrategy.GRADUAL if gradual else RolloutStrategy.PLAIN if plain else RolloutStrategy.ONLINE
    settings = configuration(ctx, env)
    decisions = Decisions(dict(map(_pair, renames)), frozenset(dropped), dict(map(_pair, backfills)), strategy)
    if not empty:
        _warn_about_unregistered_tables(settings)
    try:
        drafted = (
            draft_empty(settings, message)
            if empty
            else _draft_with_questions(
                lambda answers: write_draft(settings, message, decisions=answers, is_partial=partial), decisions
            )
        )
    except (KeyboardInterrupt, click.Abort) as interrupt:
        interruption = interrupt.__context__ if isinstance(interrupt, click.Abort) else interrupt
        if interruption is not None:
            interruption.add_note("No revision was written.")
        raise
    if drafted is None:
        show(None, as_json=as_json, lines=["No changes: models match migrations."])
        return
    if drafted.unused_hints and not as_json:
        click.echo(f"Hints without effect in this draft: {'; '.join(drafted.unused_hints)}", err=True)
    proof = drafted.proof.lines() if drafted.proof is not None else ["Empty revision created (not verified)."]
    steps = [f"  {line}" for text in drafted.steps for line in text.splitlines()]
    show(drafted, as_json=as_json, lines=[*(str(revision.file) for revision in drafted.revisions), *steps, *proof])


def _warn_about_unregistered_tables(settings: "Configuration") -> None:
    """Print a warning for each table class that the schema does not import."""
    from seedbed.migrations.draft.unregistered_drops import find_unregistered_tables
    from seedbed.schema import load_schema

    for table in find_unregistered_tables(settings.project, load_schema(settings.project)):
        click.echo(f"Warning: {table.sentence}", err=True)


def _draft_with_questions(
    draft: "Callable[[Decisions], DraftedRevisions | None]", decisions: "Decisions"
) -> "DraftedRevisions | None":
    """Draft, and ask on a terminal for decisions, until there are no more questions."""
    from seedbed.errors import AmbiguousRename, DraftCancelled, MissingBackfill

    while True:
        try:
            with step("Drafting"):
                return draft(decisions)
        except AmbiguousRename as question:
            if not sys.stdin.isatty():
                raise
            new = _ask_for_new_name(question)
            if new is None:
                decisions = replace(decisions, dropped=decisions.dropped | {question.old})
            else:
                decisions = replace(decisions, renames={**decisions.renames, question.old: new})
        except MissingBackfill as question:
            if not sys.stdin.isatty():
                raise
            click.echo(question.message, err=True)
            expression = ask("SQL expression for it")
            if expression is None:
                raise DraftCancelled(question.column, question.remedy) from question
            decisions = replace(decisions, backfills={**decisions.backfills, question.column: expression})


def _ask_for_new_name(question: "AmbiguousRename") -> str | None:
    """Ask for the new name of a removed object; None means to drop it. There is no default answer.

    Raises:
        DraftCancelled: the answer is "stop", or the input ends.
    """
    from seedbed.errors import DraftCancelled

    names = question.candidates
    click.echo(question.message, err=True)
    if len(names) == 1:
        answers, prompt = {"rename": names[0]}, f"Was {question.old} renamed to {names[0]}? Type rename, drop or stop"
    else:
        answers = {str(number): name for number, name in enumerate(names, 1)}
        for line in columns([(number, f"{question.old} is now {name}") for number, name in answers.items()]):
            click.echo(f"  {line}", err=True)
        prompt = f"Which one? Type a number from 1 to {len(names)}, drop or stop"
    while True:
        answer = (ask(prompt) or "stop").strip()
        if answer == "stop":
            raise DraftCancelled(question.old, question.remedy) from question
        if answer == "drop":
            return None
        if answer in answers or answer in names:
            return answers.get(answer, answer)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise click.BadParameter(f"{text!r} is not of the form NAME=VALUE")
    return name, value
