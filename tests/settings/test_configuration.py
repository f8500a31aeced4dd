"""The settings of an environment: which place wins, what each environment insists on, and what is refused."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from seedbed.errors import (
    DatabaseNotConfigured,
    InsecureConnection,
    InvalidDatabaseUrl,
    InvalidSetting,
    SeedbedError,
    UnknownEnvironment,
    UnknownSetting,
)
from seedbed.settings import Configuration, Environment, Project, load_configuration, require_database_url
from seedbed.settings.environments import SETTINGS_CLASSES

pytestmark = pytest.mark.unit

NEON = "postgresql://app:pw@ep-cool-1-pooler.eu-central-1.aws.neon.tech/shop?sslmode=require&channel_binding=require"
URL_REMEDY = (
    "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE. Percent-encode % / ? @ # : and spaces in the password, "
    "and put the value in single quotes in a .env file."
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(root=tmp_path, name="shop")


def loaded(
    project: Project,
    environment: str | None = None,
    *,
    files: Mapping[str, str] | None = None,
    process: Mapping[str, str] | None = None,
) -> Configuration:
    for name, text in (files or {}).items():
        (project.root / name).write_text(text)
    return load_configuration(project, environment, environ=process or {})


def shown(configuration: Configuration, name: str) -> tuple[str | None, str]:
    entry = next(entry for entry in configuration.list_entries() if entry.name == name)
    return entry.value, entry.source


def said(error: pytest.ExceptionInfo[SeedbedError]) -> tuple[str, str]:
    return str(error.value), error.value.remedy


class TestLoad:
    def test_lets_later_places_win(self, project: Project) -> None:
        files = {
            ".env": "SEEDBED_POOL_SIZE=1\nSEEDBED_DEADLINE=1\nSEEDBED_PORT=1\nSEEDBED_HOST=shared\n",
            ".env.testing": "SEEDBED_POOL_SIZE=2\nSEEDBED_DEADLINE=2\nSEEDBED_PORT=2\n",
            ".env.testing.local": "SEEDBED_POOL_SIZE=3\nSEEDBED_DEADLINE=3\n",
            ".env.production": "SEEDBED_HOST=production\n",
        }

        configuration = loaded(project, "testing", files=files, process={"SEEDBED_POOL_SIZE": "4", "PATH": "/bin"})

        assert shown(configuration, "SEEDBED_POOL_SIZE") == ("4", "the process's environment")
        assert shown(configuration, "SEEDBED_DEADLINE") == ("3.0", ".env.testing.local, line 2")
        assert shown(configuration, "SEEDBED_PORT") == ("2", ".env.testing, line 3")
        assert shown(configuration, "SEEDBED_HOST") == ("shared", ".env, line 4")
        assert shown(configuration, "SEEDBED_DATA_DIR") == (None, "default")

    def test_lets_an_empty_value_undo_an_earlier_one(self, project: Project) -> None:
        files = {".env": "DATABASE_URL=postgresql://db/shop\n", ".env.development.local": "DATABASE_URL=\n"}

        configuration = loaded(project, files=files)

        assert shown(configuration, "DATABASE_URL") == (None, "default")
        assert require_database_url(configuration) is None

    @pytest.mark.parametrize(
        ("option", "process", "file", "chosen"),
        [
            (None, "", "", (Environment.DEVELOPMENT, "default")),
            (None, "", "testing", (Environment.TESTING, ".env, line 1")),
            (None, "preview", "testing", (Environment.PREVIEW, "the process's environment")),
            ("production", "preview", "testing", (Environment.PRODUCTION, "--env")),
        ],
    )
    def test_chooses_the_environment(
        self, project: Project, option: str | None, process: str, file: str, chosen: tuple[Environment, str]
    ) -> None:
        configuration = loaded(
            project, option, files={".env": f"SEEDBED_ENV={file}\n"}, process={"SEEDBED_ENV": process}
        )

        assert (configuration.environment, str(configuration.environment_origin)) == chosen
        assert type(configuration.settings) is SETTINGS_CLASSES[chosen[0]]

    def test_resolves_paths_from_the_projects_root(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir("/")

        configuration = loaded(project, files={".env": "SEEDBED_DATA_DIR=data/../elsewhere\n"})

        assert configuration.settings.data_dir == project.root / "elsewhere"

    def test_derives_the_direct_address_of_neons_pooler(self, project: Project) -> None:
        configuration = loaded(project, process={"DATABASE_URL": NEON})

        assert shown(configuration, "DATABASE_URL_UNPOOLED") == (
            NEON.replace("-pooler", "").replace(":pw@", ":***@"),
            "DATABASE_URL without -pooler",
        )

    def test_keeps_a_direct_address_that_goes_with_the_url(self, project: Project) -> None:
        files = {
            ".env": f"DATABASE_URL='{NEON}'\n",
            ".env.development": "DATABASE_URL_UNPOOLED=postgresql://direct/shop\n",
        }

        configuration = loaded(project, files=files)

        assert shown(configuration, "DATABASE_URL_UNPOOLED") == (
            "postgresql://direct/shop", ".env.development, line 1"
        )  # fmt: skip

    def test_leaves_out_a_direct_address_of_another_database(self, project: Project) -> None:
        files = {
            ".env": "DATABASE_URL=postgresql://dev/shop\nDATABASE_URL_UNPOOLED=postgresql://direct.dev/shop\n",
            ".env.preview": "DATABASE_URL=postgresql://preview/shop\n",
        }

        configuration = loaded(project, "preview", files=files)

        assert shown(configuration, "DATABASE_URL_UNPOOLED") == (
            None, "default; .env, line 2 does not go with .env.preview, line 1"
        )  # fmt: skip

    def test_refuses_a_direct_address_alone(self, project: Project) -> None:
        with pytest.raises(InvalidSetting) as refused:
            loaded(project, process={"DATABASE_URL_UNPOOLED": "postgresql://direct/shop"})

        assert said(refused) == (
            "DATABASE_URL_UNPOOLED (the process's environment) is invalid: it goes with DATABASE_URL, and none is set.",
            "Correct DATABASE_URL_UNPOOLED there.",
        )

    @pytest.mark.parametrize(
        ("option", "process", "fact"),
        [
            ("staging", "", "There is no environment 'staging' (--env)."),
            (None, "Testing", "There is no environment 'Testing' (SEEDBED_ENV in the process's environment)."),
            (None, NEON, "There is no such environment (SEEDBED_ENV in the process's environment)."),
        ],
    )
    def test_refuses_an_unknown_environment(
        self, project: Project, option: str | None, process: str, fact: str
    ) -> None:
        with pytest.raises(UnknownEnvironment) as refused:
            loaded(project, option, process={"SEEDBED_ENV": process})

        assert said(refused) == (fact, "Choose one of: development, testing, preview, production.")

    @pytest.mark.parametrize(
        ("file", "process", "fact", "remedy"),
        [
            (
                "A=1\nDATABSE_URL=x\n",
                {},
                "DATABSE_URL is not a setting of Seedbed (.env, line 2).",
                "Did you mean DATABASE_URL?",
            ),
            (
                "",
                {"SEEDBED_PROT": "1"},
                "SEEDBED_PROT is not a setting of Seedbed (the process's environment).",
                "Did you mean SEEDBED_PORT?",
            ),
            (
                "SEEDBED_COLOUR=1\n",
                {},
                "SEEDBED_COLOUR is not a setting of Seedbed (.env, line 1).",
                "seedbed config lists every setting.",
            ),
        ],
    )
    def test_refuses_a_wrong_key(
        self, project: Project, file: str, process: dict[str, str], fact: str, remedy: str
    ) -> None:
        with pytest.raises(UnknownSetting) as refused:
            loaded(project, files={".env": file}, process=process)

        assert said(refused) == (fact, remedy)

    @pytest.mark.parametrize(
        ("name", "value", "reason"),
        [
            ("SEEDBED_PORT", "http", "input should be a valid integer, unable to parse string as an integer"),
            ("SEEDBED_PORT", "0", "input should be greater than or equal to 1"),
            ("SEEDBED_POOL_SIZE", "101", "input should be less than or equal to 100"),
            ("SEEDBED_DEADLINE", "0", "input should be greater than 0"),
            ("SEEDBED_DEADLINE", "nan", "input should be less than or equal to 300"),
            ("SEEDBED_DATA_DIR", "~nobody-of-that-name/data", "there is no such place"),
        ],
    )
    def test_refuses_a_value_without_repeating_it(self, project: Project, name: str, value: str, reason: str) -> None:
        with pytest.raises(InvalidSetting) as refused:
            loaded(project, files={".env.development": f"\n{name}={value}\n"})

        assert said(refused) == (
            f"{name} (.env.development, line 2) is invalid: {reason}.", f"Correct {name} there."
        )  # fmt: skip

    @pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_URL_UNPOOLED", "SHADOW_DATABASE_URL"])
    def test_refuses_a_url_it_cannot_read(self, project: Project, name: str) -> None:
        with pytest.raises(InvalidDatabaseUrl) as refused:
            loaded(project, files={".env": f"{name}=postgresql://app:hunter2@db:port/shop\n"})

        assert said(refused) == (
            f"{name} (.env, line 1) is not a usable PostgreSQL URL: the host or the port is invalid.", URL_REMEDY
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("postgresql://app:12 #34@db/shop", ""),
            ("postgresql://app:hunter #2@db/shop", "the host or the port is invalid, and "),
        ],
    )
    def test_refuses_a_url_whose_password_was_taken_for_a_comment(
        self, project: Project, value: str, reason: str
    ) -> None:
        with pytest.raises(InvalidDatabaseUrl) as refused:
            loaded(project, files={".env": f"DATABASE_URL={value}\n"})

        assert str(refused.value) == (
            f"DATABASE_URL (.env, line 1) is not a usable PostgreSQL URL: {reason}it was cut at ' #', which starts a "
            "comment outside of quotes."
        )

    def test_refuses_a_url_given_in_code_by_its_variable(self) -> None:
        with pytest.raises(InvalidDatabaseUrl) as refused:
            SETTINGS_CLASSES[Environment.TESTING](SHADOW_DATABASE_URL="postgresql://db:port/shop")

        assert str(refused.value).startswith("SHADOW_DATABASE_URL (given in code) is not a usable PostgreSQL URL")

    def test_lets_a_comment_follow_a_url(self, project: Project) -> None:
        configuration = loaded(project, files={".env": "DATABASE_URL=postgresql://db/shop # ours\n"})

        assert shown(configuration, "DATABASE_URL") == ("postgresql://db/shop", ".env, line 1")


class TestRequireUrl:
    @pytest.mark.parametrize("environment", ["development", "testing"])
    def test_leaves_room_for_the_embedded_server(self, project: Project, environment: str) -> None:
        assert require_database_url(loaded(project, environment)) is None

    @pytest.mark.parametrize("environment", ["development", "testing"])
    def test_takes_the_shared_files_url(self, project: Project, environment: str) -> None:
        url = require_database_url(loaded(project, environment, files={".env": "DATABASE_URL=postgresql://db/shop\n"}))

        assert url is not None
        assert url.reveal() == "postgresql://db/shop"

    @pytest.mark.parametrize("environment", ["preview", "production"])
    @pytest.mark.parametrize("file", [".env.{}", ".env.{}.local"])
    def test_takes_the_url_of_an_environments_own_file(self, project: Project, environment: str, file: str) -> None:
        text = "DATABASE_URL=postgresql://localhost/shop\n"

        url = require_database_url(loaded(project, environment, files={file.format(environment): text}))

        assert url is not None
        assert url.reveal() == "postgresql://localhost/shop"

    @pytest.mark.parametrize("environment", ["preview", "production"])
    @pytest.mark.parametrize(
        ("files", "fact"),
        [
            ({}, "DATABASE_URL is not set in the process, and there is no file .env.{}"),
            ({".env.{}": "A=1\n"}, "DATABASE_URL is not set in the process, and .env.{} does not set it"),
            (
                {".env": "DATABASE_URL=postgresql://db/shop\n"},
                "DATABASE_URL comes from .env, line 1, which every environment reads, and there is no file .env.{}",
            ),
            (
                {".env": "DATABASE_URL=postgresql://db/shop\n", ".env.{}": "DATABASE_URL_UNPOOLED=postgresql://d/shop"},
                "DATABASE_URL comes from .env, line 1, which every environment reads, and .env.{} does not set it",
            ),
        ],
    )
    def test_insists_on_a_url_of_an_environments_own(
        self, project: Project, environment: str, files: dict[str, str], fact: str
    ) -> None:
        configuration = loaded(
            project, environment, files={name.format(environment): text for name, text in files.items()}
        )

        with pytest.raises(DatabaseNotConfigured) as refused:
            require_database_url(configuration)

        assert said(refused) == (
            f"No database is configured for {environment}: {fact.format(environment)}.",
            f"Set DATABASE_URL in .env.{environment}, or in the process that runs this command.",
        )


class TestProduction:
    @pytest.mark.parametrize(
        ("given", "used"),
        [
            ("postgresql://db/shop", "postgresql://db/shop?sslmode=verify-full&sslrootcert=system"),
            ("postgresql://db/shop?sslrootcert=ca.pem", "postgresql://db/shop?sslrootcert=ca.pem&sslmode=verify-full"),
            ("postgresql://db/shop?sslmode=require", "postgresql://db/shop?sslmode=require"),
            ("postgresql://localhost/shop", "postgresql://localhost/shop"),
            ("postgresql://localhost/shop?sslmode=disable", "postgresql://localhost/shop?sslmode=disable"),
            ("postgresql:///shop", "postgresql:///shop"),
            (
                "postgresql://localhost,db/shop",
                "postgresql://localhost,db/shop?sslmode=verify-full&sslrootcert=system",
            ),
        ],
    )
    def test_verifies_the_server_unless_it_is_this_machine(self, project: Project, given: str, used: str) -> None:
        process = {"DATABASE_URL": given, "DATABASE_URL_UNPOOLED": given}

        settings = loaded(project, "production", process=process).settings

        assert (str(settings.database_url), str(settings.database_url_unpooled)) == (used, used)

    @pytest.mark.parametrize("variable", ["PGHOST", "PGSERVICE", "PGHOSTADDR"])
    def test_verifies_the_server_that_the_process_may_name(self, project: Project, variable: str) -> None:
        process = {"DATABASE_URL": "postgresql:///shop", variable: "elsewhere"}

        settings = loaded(project, "production", process=process).settings

        assert str(settings.database_url) == "postgresql:///shop?sslmode=verify-full&sslrootcert=system"

    @pytest.mark.parametrize("mode", ["disable", "allow", "prefer"])
    @pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_URL_UNPOOLED"])
    def test_refuses_a_way_that_may_be_in_the_clear(self, project: Project, variable: str, mode: str) -> None:
        urls = {"DATABASE_URL": "postgresql://db/shop", variable: f"postgresql://app:pw@db/shop?sslmode={mode}"}

        with pytest.raises(InsecureConnection) as refused:
            loaded(project, "production", process=urls)

        assert said(refused) == (
            f"sslmode={mode} may reach production at db/shop without encryption ({variable} in the process's "
            "environment).",
            "Use sslmode=verify-full, with sslrootcert=system for a public certificate.",
        )

    def test_refuses_nothing_elsewhere(self, project: Project) -> None:
        process = {"DATABASE_URL": "postgresql://db/shop?sslmode=disable"}

        settings = loaded(project, "preview", process=process).settings

        assert str(settings.database_url) == "postgresql://db/shop?sslmode=disable"


class TestDoubts:
    @pytest.mark.parametrize(
        ("served", "direct"),
        [
            (
                "postgresql://a:pw@ep-one-1-pooler.c.aws.neon.tech/shop",
                "postgresql://a:pw@ep-one-1.c.aws.neon.tech/shop",
            ),
            ("postgresql://a:pw@pooler.example.com:6432/shop", "postgresql://a:pw@db.example.com/shop"),
        ],
    )
    def test_are_none_of_two_addresses_of_one_database(self, project: Project, served: str, direct: str) -> None:
        found = loaded(project, process={"DATABASE_URL": served, "DATABASE_URL_UNPOOLED": direct})

        assert found.find_suspicious_urls() == []

    def test_name_a_direct_address_of_another_database(self, project: Project) -> None:
        served = "postgresql://a:pw@ep-one-1-pooler.c.aws.neon.tech/shop"
        direct = "postgresql://a:pw@ep-two-2.c.aws.neon.tech/shop"

        found = loaded(project, process={"DATABASE_URL": served, "DATABASE_URL_UNPOOLED": direct})

        assert found.find_suspicious_urls() == [
            "DATABASE_URL_UNPOOLED (the process's environment) is used as it is: ep-two-2.c.aws.neon.tech/shop, "
            "which does not look like a direct address of DATABASE_URL's ep-one-1-pooler.c.aws.neon.tech/shop."
        ]
