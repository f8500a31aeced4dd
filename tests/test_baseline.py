"""The comparison of two records: what differs is found, and renamed keys are no difference."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.baseline.comparison import KeyTable, UnusableTable, compare, compare_records
from tests.support.baseline.normalization import Normalizer, shape

Results = dict[str, Any]
STATUS = {"command": "migrate status", "exit": 0, "output": {"about": "a", "spent": [{"about": 1}]}, "errors": []}
PARAMETERS = {"seedbed": ["--project"], "seedbed up": ["--once", "--public"]}


def write(folder: Path, results: Results) -> Path:
    for name, value in results.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return folder


def failures(tmp_path: Path, old: Results, new: Results, names: KeyTable | None = None) -> dict[str, list[str]]:
    return compare(write(tmp_path / "old", old), write(tmp_path / "new", new), names).failures


def with_output(output: Any, command: str = "migrate status") -> Results:
    return {"json/1.json": {**STATUS, "command": command, "output": output}}


class TestCompare:
    def test_finds_nothing_in_equal_records(self, tmp_path: Path) -> None:
        results = {"json/1.json": STATUS, "rows/zoo-1.tsv": "a\t1\t00\n", "help/up.txt": "Start.\n"}

        assert failures(tmp_path, results, results) == {}

    def test_finds_a_changed_line(self, tmp_path: Path) -> None:
        old, new = {"drafts/a.py.txt": "one\ntwo\n"}, {"drafts/a.py.txt": "one\nthree\n"}

        assert failures(tmp_path, old, new) == {"drafts/a.py.txt": ["@@ -1,2 +1,2 @@", " one", "-two", "+three"]}

    def test_finds_a_byte_that_no_line_shows(self, tmp_path: Path) -> None:
        old, new = {"drafts/a.py.txt": "one\n"}, {"drafts/a.py.txt": "one"}

        assert failures(tmp_path, old, new) == {"drafts/a.py.txt": ["the bytes differ, and the lines do not"]}

    def test_finds_results_of_one_record_only(self, tmp_path: Path) -> None:
        found = failures(tmp_path, {"rows/a.tsv": "1"}, {"rows/b.tsv": "1"})

        assert found == {"rows/a.tsv": ["is missing in the new record"], "rows/b.tsv": ["is in the new record only"]}

    @pytest.mark.parametrize(("old", "new"), [(1, 2), (1, True), (1, 1.0), (0, None), ([1], [1, 2]), ("a", "b")])
    def test_finds_a_changed_value(self, tmp_path: Path, old: Any, new: Any) -> None:
        found = failures(tmp_path, with_output({"a": old}), with_output({"a": new}))

        assert found == {"json/1.json": [f"output.a was {json.dumps(old)}", f"          is {json.dumps(new)}"]}

    def test_finds_another_exit_code(self, tmp_path: Path) -> None:
        found = failures(tmp_path, {"json/1.json": STATUS}, {"json/1.json": {**STATUS, "exit": 1}})

        assert found == {"json/1.json": ["exit was 0", "      is 1"]}

    def test_finds_a_key_that_is_renamed_without_the_table(self, tmp_path: Path) -> None:
        found = failures(tmp_path, with_output({"about": 1}), with_output({"subject": 1}))

        assert found == {"json/1.json": ["output.about is missing", "output.subject is new"]}

    def test_passes_over_what_is_ignored(self, tmp_path: Path) -> None:
        old, new = write(tmp_path / "old", {"digests/a": "1"}), write(tmp_path / "new", {"digests/a": "2"})

        assert compare(old, new, ignored=("digests/",)).failures == {}

    def test_compares_a_part_alone(self, tmp_path: Path) -> None:
        old = write(tmp_path / "old", {"rows/a": "1", "json/a": "1", "meta.json": {"parts": ["rows", "json"]}})
        new = write(tmp_path / "new", {"rows/a": "2", "meta.json": {"parts": ["rows"]}})

        assert list(compare(old, new, only=["rows/"]).failures) == ["rows/a"]
        assert list(compare(old, new).failures) == ["json/a", "rows/a", "meta.json"]

    def test_refuses_a_folder_without_results(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            compare(tmp_path, tmp_path)

    def test_finds_a_record_that_is_not_whole(self, tmp_path: Path) -> None:
        found = failures(tmp_path, {"meta.json": {"quick": True}, "rows/a": "1"}, {"rows/a": "1"})

        assert found == {"meta.json": ["is missing in one of the records, which is not whole"]}

    def test_finds_records_that_were_not_made_alike(self, tmp_path: Path) -> None:
        found = failures(tmp_path, {"meta.json": {"quick": True}}, {"meta.json": {"quick": False}})

        assert found == {"meta.json": ["quick was True, and is False"]}


class TestHelp:
    def test_that_reads_differently_is_no_failure(self, tmp_path: Path) -> None:
        old, new = {"help/up.txt": "Start.\n"}, {"help/up.txt": "Begin.\n"}

        compared = compare(write(tmp_path / "old", old), write(tmp_path / "new", new))

        assert (compared.failures, list(compared.texts)) == ({}, ["help/up.txt"])

    def test_with_another_option_is_no_failure(self, tmp_path: Path) -> None:
        more = {**PARAMETERS, "seedbed up": ["--once", "--public", "--quiet"]}

        found = failures(tmp_path, {"parameters/commands.json": PARAMETERS}, {"parameters/commands.json": more})

        assert found == {}

    def test_that_is_missing_fails(self, tmp_path: Path) -> None:
        old = {"parameters/commands.json": PARAMETERS, "rows/a": "1"}

        assert failures(tmp_path, old, {"rows/a": "1"}) == {
            "parameters/commands.json": ["is missing in the new record"]
        }

    @pytest.mark.parametrize(
        ("parameters", "gone"),
        [
            ({"seedbed": ["--project"]}, "seedbed up is gone"),
            ({**PARAMETERS, "seedbed up": ["--once"]}, "seedbed up --public is gone"),
        ],
    )
    def test_that_lost_a_command_or_an_option_fails(self, tmp_path: Path, parameters: Any, gone: str) -> None:
        old, new = {"parameters/commands.json": PARAMETERS}, {"parameters/commands.json": parameters}

        assert failures(tmp_path, old, new) == {"parameters/commands.json": [gone]}


class TestNames:
    def read(self, tmp_path: Path, text: str) -> KeyTable:
        file = tmp_path / "keys.toml"
        file.write_text(text, encoding="utf-8")
        return KeyTable.read(file)

    def test_rename_keys_at_every_depth(self, tmp_path: Path) -> None:
        names = self.read(tmp_path, 'about = "subject"')
        new = with_output({"subject": "a", "spent": [{"subject": 1}]})

        assert failures(tmp_path, {"json/1.json": STATUS}, new, names) == {}

    def test_rename_keys_inside_of_another_one(self, tmp_path: Path) -> None:
        names = self.read(tmp_path, '"spent.about" = "subject"')
        new = with_output({"about": "a", "spent": [{"subject": 1}]})

        assert failures(tmp_path, {"json/1.json": STATUS}, new, names) == {}

    def test_rename_keys_of_one_command(self, tmp_path: Path) -> None:
        names = self.read(tmp_path, '["migrate status"]\nabout = "subject"')

        assert names.rename({"about": 1}, "migrate status --all") == {"subject": 1}
        assert names.rename({"about": 1}, "doctor") == {"about": 1}

    def test_find_an_old_key_that_is_still_there(self, tmp_path: Path) -> None:
        names = self.read(tmp_path, 'about = "subject"')

        found = failures(tmp_path, with_output({"about": 1}), with_output({"about": 1}), names)

        assert found == {"json/1.json": ["output.about is new", "output.subject is missing"]}

    def test_leave_values_alone(self, tmp_path: Path) -> None:
        names = self.read(tmp_path, 'about = "subject"')

        assert names.rename({"a": "about"}, "doctor") == {"a": "about"}

    def test_replace_parts_of_texts_where_the_table_says_so(self, tmp_path: Path) -> None:
        names = self.read(tmp_path, '[strings]\n"seedbed.migrating" = "seedbed.migrations"')

        assert names.rename({"a": "from seedbed.migrating import b"}, "init") == {
            "a": "from seedbed.migrations import b"
        }

    def test_refuse_two_keys_that_become_one(self, tmp_path: Path) -> None:
        names = self.read(tmp_path, 'about = "subject"')

        with pytest.raises(UnusableTable):
            names.rename({"about": 1, "subject": 2}, "doctor")

    def test_refuse_a_key_with_a_point_that_has_no_quotes(self, tmp_path: Path) -> None:
        with pytest.raises(UnusableTable):
            self.read(tmp_path, '[doctor]\nspent.about = "subject"')

    def test_tell_what_was_never_met(self, tmp_path: Path) -> None:
        names = self.read(tmp_path, 'about = "subject"\nnothing = "none"\n[doctor]\nabout = "topic"')

        names.rename({"about": 1}, "config")

        assert names.unused() == ["nothing", "doctor: about"]


class TestCompareRecords:
    def test_ends_with_1_where_something_differs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        old, new = write(tmp_path / "old", {"rows/a": "1\n"}), write(tmp_path / "new", {"rows/a": "2\n"})

        assert compare_records(old, new) == 1
        assert capsys.readouterr().out == (
            "differences: 1\n  rows/a\n    @@ -1 +1 @@\n    -1\n    +2\n1 results compared: 1 differs.\n"
        )

    def test_ends_with_2_where_nothing_is_compared(self, tmp_path: Path) -> None:
        old = write(tmp_path / "old", {"rows/a": "1\n"})

        assert compare_records(old, old, only=["nothing/"]) == 2

    def test_ends_with_0_where_nothing_differs(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        old = write(tmp_path / "old", {"rows/a": "1\n"})

        assert compare_records(old, old) == 0
        assert capsys.readouterr().out == "1 results compared: none differ.\n"


class TestNormalizer:
    def test_keeps_moments_that_are_far_away(self) -> None:
        normalizer = Normalizer()
        soon = normalizer.started.isoformat()

        assert normalizer.value({"a": soon, "b": "2020-01-02T03:04:05+00:00", "c": 3}) == {
            "a": "<now + 0 days>",
            "b": "2020-01-02T03:04:05+00:00",
            "c": 3,
        }

    def test_replaces_durations_unless_numbers_are_exact(self) -> None:
        normalizer = Normalizer()

        assert normalizer.value([0.5]) == ["<number>"]
        assert normalizer.value([0.5], exact=True) == [0.5]

    def test_keeps_the_shape_of_what_is_random(self) -> None:
        assert shape({"token": "abc", "n": [1]}) == {"token": "<str>", "n": ["<int>"]}
