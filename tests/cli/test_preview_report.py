"""Outputs and secret masks that `preview up --output github` writes for GitHub Actions."""

from pathlib import Path

import pytest

from seedbed.cli.preview_report import write_github_outputs
from seedbed.settings import DatabaseUrl, parse_url

pytestmark = pytest.mark.unit


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path / "outputs"


def build_url(password: str) -> DatabaseUrl:
    return parse_url(f"postgresql://me:{password}@db.example.com/shop")


class TestMasks:
    def test_masks_are_escaped_and_go_to_standard_error(
        self, outputs: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_github_outputs({}, [build_url("50%25%0D%0Aoff")], [])

        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.splitlines() == [
            "::add-mask::postgresql://me:50%2525%250D%250Aoff@db.example.com/shop",
            "::add-mask::50%25%0D%0Aoff",
            "::add-mask::50%2525%250D%250Aoff",
        ]

    def test_masks_precede_the_outputs_that_contain_them(
        self, outputs: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        write_github_outputs({"database_url": "postgresql://me:x@db.example.com/shop"}, [build_url("x")], [])

        assert outputs.read_text() == "database_url=postgresql://me:x@db.example.com/shop\n"
        assert capsys.readouterr().err.count("::add-mask::") == 2
