"""`seedbed serve --new-token`."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from seedbed.cli.serve import serve

pytestmark = pytest.mark.unit


class TestServe:
    def test_creates_a_token_without_a_project(self, tmp_path: Path) -> None:
        made = json.loads(CliRunner().invoke(serve, ["--new-token", "--json"], obj=tmp_path).stdout)

        assert hashlib.sha256(made["token"].encode()).hexdigest() == made["hash"]
