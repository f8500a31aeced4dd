"""No password is shown by a setting, whatever is done with it, nor by a command that cannot use it."""

import copy
import dataclasses
import json
import logging
import pickle
import pprint
from io import StringIO
from pathlib import Path

import pytest
from pydantic import ValidationError

from seedbed.errors import InvalidDatabaseUrl, SeedbedError
from seedbed.settings import Configuration, Project, load_configuration, parse_url
from seedbed.settings.environments import SETTINGS_CLASSES, Settings
from seedbed.settings.sources import read_environment_file, read_process_environment
from tests.support.leaking import (
    CLOSED,
    COMMANDS,
    EVERY_SIGN,
    MALFORMED,
    MISSPELT,
    PASSWORDS,
    PLACES,
    every_log,
    forms,
    shown,
    tell,
    whole,
    write_project,
)

pytestmark = pytest.mark.unit

VARIABLES = ["DATABASE_URL", "DATABASE_URL_UNPOOLED", "SHADOW_DATABASE_URL"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("secrets"), "secretive")


def configuration(root: Path, password: str) -> Configuration:
    values = {variable: place.format(forms(password)[0], CLOSED) for variable, place in zip(
        VARIABLES, (PLACES["userinfo"], PLACES["password="], PLACES["sslpassword="]), strict=True
    )}  # fmt: skip
    return load_configuration(Project(root=root, name="shop"), environ=values)


def settings_of(root: Path, password: str) -> list[object]:
    given = configuration(root, password)
    return [
        given,
        given.settings,
        given.settings.database_url,
        given.settings.database_url_unpooled,
        given.settings.shadow_database_url,
        given.list_entries(),
        given.origins,
    ]


class TestSettings:
    @pytest.mark.parametrize("password", PASSWORDS)
    def test_show_no_password_however_they_are_printed(self, root: Path, password: str) -> None:
        log = StringIO()

        with every_log(log):
            for value in settings_of(root, password):
                logging.getLogger().warning("%s %r", value, value)
                log.write(f"{value} {value!r} {pprint.pformat(value)} {[value]} {copy.deepcopy(value)!r}")
                log.write(json.dumps(value, default=lambda part: getattr(part, "__dict__", str(part))))
                if dataclasses.is_dataclass(value) and not isinstance(value, type):
                    log.write(f"{dataclasses.asdict(value)} {dataclasses.astuple(value)}")
                if isinstance(value, Settings):
                    log.write(f"{value.model_dump()} {value.model_dump_json()} {dict(value)} {vars(value)}")

        assert shown(log.getvalue(), password) == set()
        assert "***" in log.getvalue()

    def test_are_not_pickled(self, root: Path) -> None:
        for value in settings_of(root, EVERY_SIGN)[:5]:
            with pytest.raises(TypeError, match="a database URL is not pickled"):
                pickle.dumps(value)

    def test_show_no_password_before_they_are_settings(self, tmp_path: Path) -> None:
        file = tmp_path / ".env"
        file.write_text(f"DATABASE_URL='{PLACES['userinfo'].format(EVERY_SIGN, CLOSED)}' # {EVERY_SIGN}\n")

        text = f"{read_environment_file(file)!r} {read_process_environment({'DATABASE_URL': EVERY_SIGN})!r}"

        assert shown(text, EVERY_SIGN) == set()

    @pytest.mark.parametrize("cls", SETTINGS_CLASSES.values())
    def test_show_no_password_of_a_url_they_refuse(self, cls: type[Settings]) -> None:
        for form in forms(EVERY_SIGN):
            with pytest.raises(InvalidDatabaseUrl) as refused:
                cls(DATABASE_URL=MALFORMED["a word as port"].format(form))

            assert shown(whole(refused.value), EVERY_SIGN) == set()

    @pytest.mark.parametrize("cls", SETTINGS_CLASSES.values())
    def test_show_no_password_when_another_setting_is_refused(self, cls: type[Settings]) -> None:
        url = PLACES["userinfo"].format(forms(EVERY_SIGN)[0], CLOSED)

        with pytest.raises(ValidationError) as refused:
            cls(DATABASE_URL=url, SEEDBED_PORT="http", SEEDBED_NOSUCH="1")  # type: ignore[call-arg]

        text = f"{whole(refused.value)} {refused.value.errors()} {refused.value.json()}"
        assert shown(text, EVERY_SIGN) == set()


class TestMaskedUrl:
    @pytest.mark.parametrize("password", PASSWORDS)
    @pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
    def test_has_nothing_of_a_password_in_any_place(self, place: str, password: str) -> None:
        for form in forms(password):
            url = parse_url(place.format(form, "db.example.com/shop"))

            assert shown(f"{url.masked} {url.address} {url.name}", password) == set()
            assert password in {url.password, url.parameter("sslpassword")}


class TestCommands:
    @pytest.mark.parametrize("variable", VARIABLES)
    @pytest.mark.parametrize("place", [*MALFORMED.values(), *MISSPELT.values()], ids=[*MALFORMED, *MISSPELT])
    def test_show_no_password_of_a_url_they_cannot_read(self, root: Path, place: str, variable: str) -> None:
        for password in PASSWORDS:
            for form in forms(password):
                values = {"DATABASE_URL": "postgresql://db/shop", variable: place.format(form, CLOSED)}

                told = tell(root, ["config"], values)

                assert told.code == 1
                assert "SB114" in told.text
                assert shown(told.text, password) == set(), told.text

    @pytest.mark.parametrize("command", [*COMMANDS, ["serve"]], ids=" ".join)
    def test_show_no_password_of_a_url_none_of_them_can_read(self, root: Path, command: list[str]) -> None:
        for place in [*MALFORMED.values(), *MISSPELT.values()]:
            told = tell(root, command, {"DATABASE_URL": place.format(EVERY_SIGN, CLOSED)})

            assert told.code == 1
            assert shown(told.text, EVERY_SIGN) == set(), told.text

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    @pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
    def test_show_no_password_where_nothing_listens(self, root: Path, place: str, command: list[str]) -> None:
        passwords = PASSWORDS if command == ["migrate", "apply"] else [EVERY_SIGN]
        for password in passwords:
            for form in forms(password):
                told = tell(root, command, {"DATABASE_URL": place.format(form, CLOSED)})

                assert told.code in {0, 1}
                assert shown(told.text, password) == set(), told.text

    @pytest.mark.parametrize(
        "line", ["DATABASE_URL={}", "DATABASE_URL='{}'", "DATABASE_URL {}", "DATABASE_URL:{}", "{}"]
    )
    def test_show_no_password_of_a_file(self, tmp_path: Path, line: str) -> None:
        root = write_project(tmp_path, "secretive_files")
        for place in [*PLACES.values(), *MALFORMED.values(), *MISSPELT.values()]:
            for form in forms(EVERY_SIGN):
                (root / ".env.development").write_text(line.format(place.format(form, CLOSED)) + "\n")

                told = tell(root, ["db", "status", "--json"], {})

                assert shown(told.text, EVERY_SIGN) == set(), told.text

    @pytest.mark.parametrize(
        "variables",
        [
            {"SEEDBED_ENV": "{}"},
            {"SEEDBED_PORT": "{}"},
            {"SEEDBED_ENV": "production", "DATABASE_URL": "{}&sslmode=disable"},
        ],
        ids=["as the environment", "as another setting", "refused for its sslmode"],
    )
    def test_show_no_password_of_a_url_in_the_wrong_place(self, root: Path, variables: dict[str, str]) -> None:
        url = PLACES["password="].format(forms(EVERY_SIGN)[0], "db.example.com/shop")

        told = tell(root, ["config"], {name: value.format(url) for name, value in variables.items()})

        assert told.code == 1
        assert shown(told.text, EVERY_SIGN) == set(), told.text


class TestShown:
    def test_finds_what_a_careless_message_shows(self) -> None:
        for place in PLACES.values():
            for form in forms(EVERY_SIGN):
                assert shown(f"cannot use {place.format(form, CLOSED)}", EVERY_SIGN)

    def test_finds_what_stands_behind_an_error(self) -> None:
        careless = SeedbedError("fine", remedy="fine")
        careless.__context__ = ValueError(EVERY_SIGN)

        assert shown(whole(careless), EVERY_SIGN)
