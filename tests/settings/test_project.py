"""The project found from wherever the command is run."""

from pathlib import Path

import pytest

from seedbed.errors import InvalidProjectConfig, ProjectNotFound
from seedbed.settings import Project, find_project

pytestmark = pytest.mark.unit

KEYS = (
    "Keys of [tool.seedbed]: schema, metadata, imports, path, alembic, version_table, seeds, ignore, service, masking."
)


def written(folder: Path, text: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(text, encoding="utf-8")
    return file


class TestFindProject:
    def test_finds_the_nearest_folder_above_with_our_table(self, tmp_path: Path) -> None:
        written(tmp_path, '[project]\nname = "My Shop"\n[tool.seedbed]\nschema = "my.tables"\n')
        inner = tmp_path / "service" / "src"
        inner.mkdir(parents=True)
        written(inner.parent, "[tool.other]\n")

        project = find_project(inner)

        assert project == Project(root=tmp_path.resolve(), name="My Shop", schema="my.tables")
        assert (project.alembic_ini, project.seeds) == (tmp_path / "alembic.ini", tmp_path / "seeds")
        assert project.identifier == "my_shop"

    def test_ignores_what_neon_adds_and_what_it_is_told_to(self, tmp_path: Path) -> None:
        written(tmp_path, '[tool.seedbed]\nignore = ["audit", "public.spatial_*"]\n')

        assert find_project(tmp_path).ignore == ("neon_auth", "audit", "public.spatial_*")

    def test_names_a_project_for_its_folder(self, tmp_path: Path) -> None:
        folder = tmp_path / "2nd Try"
        folder.mkdir()
        written(folder, "[tool.seedbed]\n")

        project = find_project(folder)

        assert (project.name, project.schema, project.identifier) == ("2nd Try", "schema", "project_2nd_try")

    def test_refuses_a_folder_that_is_in_no_project(self, tmp_path: Path) -> None:
        with pytest.raises(ProjectNotFound) as refused:
            find_project(tmp_path)

        assert str(refused.value) == (
            f"Not a Seedbed project: no pyproject.toml with a [tool.seedbed] table in {tmp_path} or its parents."
        )
        assert (
            refused.value.remedy
            == "Change to your project's directory, name it with --project PATH, or create one: seedbed init PATH"
        )

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("[tool]\nseedbed = 1\n", "tool.seedbed is not a table."),
            ("[tool.seedbed]\nshema = 'a'\n", "[tool.seedbed] has the unknown key 'shema'."),
            ("[tool.seedbed]\nschema = 'a b'\n", "[tool.seedbed] schema = 'a b' is not a module's name."),
            ("[tool.seedbed]\nschema = 1\n", "[tool.seedbed] schema = 1 is not a module's name."),
            ("[tool.seedbed]\nignore = 'a'\n", "[tool.seedbed] ignore = 'a' is not a list of names."),
            ("[tool.seedbed]\nservice = 'no'\n", "[tool.seedbed] service = 'no' is not true or false."),
            (
                "[tool.seedbed.masking]\nkept = ['a']\n",
                "[tool.seedbed] masking = {'kept': ['a']} is not a table with keep and empty, each a list of names.",
            ),
            ("[tool.seedbed.masking]\nkeep = 'a'\n", "[tool.seedbed] masking.keep = 'a' is not a list of names."),
            ("[tool.seedbed\n", "not TOML: Expected ']' at the end of a table declaration (at line 1, column 14)"),
        ],
    )
    def test_refuses_a_table_it_cannot_use(self, tmp_path: Path, text: str, reason: str) -> None:
        file = written(tmp_path, text)

        with pytest.raises(InvalidProjectConfig) as refused:
            find_project(tmp_path)

        assert (str(refused.value), refused.value.remedy) == (
            f"{file}: {reason}",
            "Correct the file there." if reason.startswith("not TOML") else KEYS,
        )


class TestMaskingSettings:
    def test_name_what_is_kept_and_what_is_emptied(self, tmp_path: Path) -> None:
        written(tmp_path, "[tool.seedbed.masking]\nkeep = ['country']\nempty = ['neon_auth.*']\n")

        project = find_project(tmp_path)

        assert (project.masking_keep, project.masking_empty) == (("country",), ("neon_auth.*",))
