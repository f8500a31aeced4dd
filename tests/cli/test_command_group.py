"""What the command line answers to a command it does not have."""

import click
import pytest
from click.testing import CliRunner

from seedbed.cli import root
from seedbed.cli.options import CommandGroup

pytestmark = pytest.mark.unit


def list_groups(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Group]]:
    nested = [
        found
        for name, command in group.commands.items()
        if isinstance(command, click.Group)
        for found in list_groups(command, (*path, name))
    ]
    return [(path, group), *nested]


class TestUnknownCommand:
    @pytest.mark.parametrize(
        ("command", "advice"),
        [
            ("migrate rollback", "No such command 'rollback'. Use: seedbed migrate downgrade"),
            ("migrate up", "No such command 'up'. Use: seedbed migrate apply"),
            ("migrate revision", "No such command 'revision'. Use: seedbed migrate draft -m TEXT"),
            ("migrate aply", "No such command 'aply'. Did you mean 'apply'?"),
            ("db migrate", "No such command 'migrate'. Use: seedbed migrate apply"),
            ("preview create", "No such command 'create'. Use: seedbed preview up NAME"),
            ("makemigrations", "No such command 'makemigrations'. Use: seedbed migrate draft -m TEXT"),
        ],
    )
    def test_advises_the_right_one(self, command: str, advice: str) -> None:
        result = CliRunner().invoke(root, command.split())

        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1] == f"Error: {advice}"

    def test_advice_names_existing_commands(self) -> None:
        for path, group in list_groups(root):
            other_names = group._other_names if isinstance(group, CommandGroup) else {}
            assert not set(other_names) & set(group.commands), path
            for target in other_names.values():
                command: click.Command = root
                for word in target.split():
                    if not isinstance(command, click.Group):
                        break
                    command = command.commands[word]
