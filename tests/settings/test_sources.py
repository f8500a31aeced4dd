"""A .env file read: its values, where each stands, and what is said of a line that cannot be read."""

from pathlib import Path

import pytest

from seedbed.errors import InvalidEnvFile
from seedbed.settings.sources import find_unknown_names, read_environment_file

pytestmark = pytest.mark.unit


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env.testing"


def read(file: Path, text: str) -> dict[str, str]:
    file.write_text(text, encoding="utf-8")
    return {name: sourced.value for name, sourced in read_environment_file(file).items()}


class TestReadEnvironmentFile:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("A=b", "b"),
            ("export A = b", "b"),
            ("A='b # c $HOME ${HOME} %'", "b # c $HOME ${HOME} %"),
            ('A="b # c $HOME ${HOME} %"', "b # c $HOME ${HOME} %"),
            ("A=b#c", "b#c"),
            ("A=b # a comment", "b"),
            ("A='b' # a comment", "b"),
            (r"A='it\'s'", "it's"),
            (r"A='back\\slash'", r"back\slash"),
            ("A=$HOME${HOME}", "$HOME${HOME}"),
            ("A='über'", "über"),
            ("A=", ""),
        ],
    )
    def test_gives_a_value_as_it_was_meant(self, file: Path, line: str, value: str) -> None:
        assert read(file, f"{line}\n") == {"A": value}

    def test_gives_nothing_for_a_file_that_is_not_there(self, file: Path) -> None:
        assert read_environment_file(file) == {}

    def test_reads_a_file_with_a_byte_order_mark_and_the_line_ends_of_windows(self, file: Path) -> None:
        file.write_bytes(b"\xef\xbb\xbfA=1\r\nB=2\r\n")

        assert {name: sourced.value for name, sourced in read_environment_file(file).items()} == {"A": "1", "B": "2"}

    def test_knows_the_line_of_each_value(self, file: Path) -> None:
        file.write_text("# first\n\n\nA=1\nB='two\nlines'\n\nC=3\n")

        places = {name: str(sourced.origin) for name, sourced in read_environment_file(file).items()}

        assert places == {
            "A": ".env.testing, line 4", "B": ".env.testing, line 5", "C": ".env.testing, line 8",
        }  # fmt: skip

    @pytest.mark.parametrize(
        "line",
        [
            "DATABASE_URL postgresql://app:hunter2@db/shop",
            "DATABASE_URL:postgresql://app:hunter2@db/shop?sslmode=require",
            "postgresql://app:hunter2@db/shop?sslmode=require",
            "DATABASE_URL='postgresql://app:hunter2@db/shop",
            "DATABASE_URL='postgresql://app:hun'ter2@db/shop'",
        ],
    )
    def test_refuses_a_line_without_repeating_it(self, file: Path, line: str) -> None:
        file.write_text(f"A=1\n{line}\n")

        with pytest.raises(InvalidEnvFile) as refused:
            read_environment_file(file)

        assert str(refused.value) == ".env.testing, line 2 cannot be read: it is neither NAME=value nor a comment."
        assert refused.value.remedy == "Write one NAME=value per line; # starts a comment."

    def test_refuses_a_file_that_is_not_text(self, file: Path) -> None:
        file.write_bytes(b"DATABASE_URL=postgresql://app:hunter2\xff@db/shop")

        with pytest.raises(InvalidEnvFile) as refused:
            read_environment_file(file)

        assert str(refused.value) == ".env.testing cannot be read: it is not UTF-8 text."
        assert refused.value.__context__ is None

    def test_refuses_a_folder(self, file: Path) -> None:
        file.mkdir()

        with pytest.raises(InvalidEnvFile, match=r"^\.env\.testing cannot be read: Is a directory\.$"):
            read_environment_file(file)

    def test_shows_no_value(self, file: Path) -> None:
        file.write_text("DATABASE_URL=postgresql://app:hunter2@db/shop # hunter3\n")

        assert repr(read_environment_file(file)) == "{'DATABASE_URL': SourcedValue(.env.testing, line 1)}"


class TestUnknownNames:
    def test_are_slips_in_a_file_and_whatever_begins_like_ours(self, file: Path) -> None:
        file.write_text("DATABSE_URL=1\nSEEDBED_PROT=2\nSEEDBED_NOSUCH=3\nAPP_KEY=4\nDATABASE_URL_UNPOOLED=5\n")

        found = find_unknown_names(
            read_environment_file(file), ["DATABASE_URL", "DATABASE_URL_UNPOOLED", "SEEDBED_PORT", "SEEDBED_POOL_SIZE"]
        )

        assert found == {"DATABSE_URL": "DATABASE_URL", "SEEDBED_PROT": "SEEDBED_PORT", "SEEDBED_NOSUCH": None}
