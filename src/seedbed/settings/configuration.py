"""The settings of one environment of one project, loaded and checked, each with its origin."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from seedbed.errors import (
    EnvironmentNotConfigured,
    InsecureConnection,
    InvalidDatabaseUrl,
    InvalidSetting,
    UnknownEnvironment,
    UnknownSetting,
)
from seedbed.settings.environments import CLASSES, Environment, Settings
from seedbed.settings.project import Project
from seedbed.settings.sources import (
    DEFAULT,
    Kind,
    Origin,
    Sourced,
    environment_files,
    read_environment_file,
    read_process,
    unknown_names,
)
from seedbed.settings.urls import DatabaseUrl

_CHOICE = "SEEDBED_ENV"
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})


@dataclass(frozen=True)
class Entry:
    """One line of `seedbed config`: a setting as it may be shown."""

    name: str
    value: str | None
    origin: str
    description: str


@dataclass(frozen=True)
class Configuration:
    """Everything a command needs to know before it connects anywhere."""

    project: Project
    environment: Environment
    chosen_by: Origin
    settings: Settings
    origins: Mapping[str, Origin]

    def origin(self, variable: str) -> Origin:
        return self.origins.get(variable, DEFAULT)

    def entries(self) -> list[Entry]:
        """Every setting in the order of the manual; passwords are masked."""
        chosen = Entry(_CHOICE, self.environment.value, str(self.chosen_by), "The environment, unless -e chooses one.")
        return [chosen, *map(self._entry, self.settings.variables().items())]

    def _entry(self, variable_and_field: tuple[str, str]) -> Entry:
        variable, name = variable_and_field
        value = self.settings.value(name)
        shown = None if value is None else str(value)
        description = type(self.settings).model_fields[name].description or ""
        return Entry(variable, shown, str(self.origin(variable)), description)


def load(
    project: Project, environment: str | None = None, *, environ: Mapping[str, str] | None = None
) -> Configuration:
    """Load an environment's settings: `.env`, `.env.<environment>`, `.env.<environment>.local`, then the process.

    Without `environment`, SEEDBED_ENV in the process chooses it, then SEEDBED_ENV in `.env`, then it is development.
    Nothing connects, and a preview or production without a database of its own is an error only once `require_url`
    is asked for one.

    Raises:
        UnknownEnvironment: the chosen one does not exist.
        UnknownSetting: a name that begins with SEEDBED_ is no setting, or one in a file is a slip for one.
        InvalidSetting: a value does not fit its setting.
        InvalidDatabaseUrl: a URL cannot be read; its text is not repeated.
        InsecureConnection: production's URL asks for an unencrypted connection off this machine.
    """
    process = read_process(os.environ if environ is None else environ)
    chosen, chosen_by = _choose(project.root, environment, process)
    values: dict[str, Sourced] = {}
    for file in environment_files(project.root, chosen):
        values |= read_environment_file(file)
    values |= process
    cls = CLASSES[chosen]
    known = {*cls.variables(), _CHOICE}
    for name, meant in unknown_names(values, known).items():
        raise UnknownSetting(name, str(values[name].origin), meant)
    given = {name: sourced for name, sourced in values.items() if name in cls.variables() and sourced.value != ""}
    settings = _validated(cls, given)
    origins = {name: sourced.origin for name, sourced in given.items()}
    configuration = Configuration(project, chosen, chosen_by, _completed(settings, project.root, origins), origins)
    if chosen is Environment.PRODUCTION:
        _refuse_cleartext(configuration)
    return configuration


def require_url(configuration: Configuration) -> DatabaseUrl | None:
    """The URL the environment is to use; None where the embedded server takes its place.

    Raises:
        EnvironmentNotConfigured: preview or production has no URL of its own. One in `.env` does not count, since
            every environment reads that file and it mostly names a developer's database.
    """
    environment = configuration.environment
    url = configuration.settings.database_url
    if configuration.settings.embedded:
        return url
    shared, own, local = environment_files(configuration.project.root, environment)
    origin = configuration.origin("DATABASE_URL")
    from_shared = origin.kind is Kind.FILE and origin.place.startswith(f"{shared.name},")
    if url is None or from_shared:
        exists = own.exists() or local.exists()
        raise EnvironmentNotConfigured(
            environment, own.name, file_exists=exists, shared=str(origin) if from_shared else None
        )
    return url


def _choose(root: Path, option: str | None, process: Mapping[str, Sourced]) -> tuple[Environment, Origin]:
    if option is not None:
        name, origin = option, Origin(Kind.OPTION, "--env")
    elif _CHOICE in process and process[_CHOICE].value:
        name, origin = process[_CHOICE].value, process[_CHOICE].origin
    elif (sourced := read_environment_file(root / ".env").get(_CHOICE)) is not None and sourced.value:
        name, origin = sourced.value, sourced.origin
    else:
        return Environment.DEVELOPMENT, DEFAULT
    try:
        return Environment(name), origin
    except ValueError:
        raise UnknownEnvironment(name, str(origin), [e.value for e in Environment]) from None


def _validated(cls: type[Settings], given: Mapping[str, Sourced]) -> Settings:
    try:
        return cls(**{name: sourced.value for name, sourced in given.items()})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        name = str(first["loc"][0])
        sourced = given[name]
        reason = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
        reason = reason[:1].lower() + reason[1:]
        if sourced.cut_at_hash:
            reason += ", and it was cut at ' #', which starts a comment unless the value is in quotes"
        kind = InvalidDatabaseUrl if name.endswith(("DATABASE_URL", "DATABASE_URL_UNPOOLED")) else InvalidSetting
        raise kind(name, str(sourced.origin), reason) from None


def _completed(settings: Settings, root: Path, origins: dict[str, Origin]) -> Settings:
    """Paths resolved from the project's root, a Neon pooler's direct address, and production's encryption."""
    update: dict[str, object] = {}
    if settings.data_dir is not None:
        update["data_dir"] = (root / settings.data_dir.expanduser()).resolve()
    url = settings.database_url
    if url is not None and settings.database_url_unpooled is None and url.is_neon_pooler:
        update["database_url_unpooled"] = url.direct
        origins["DATABASE_URL_UNPOOLED"] = Origin(Kind.DERIVED, "DATABASE_URL without -pooler")
    settings = settings.model_copy(update=update)
    if settings.environment is Environment.PRODUCTION:
        names = ("database_url", "database_url_unpooled")
        given = {name: settings.value(name) for name in names}
        settings = settings.model_copy(update={name: _encrypted(url) for name, url in given.items() if url})
    return settings


def _encrypted(url: DatabaseUrl) -> DatabaseUrl:
    """The strictest mode where none was chosen; `system` is the machine's own list of authorities (libpq 16)."""
    if url.is_local or url.parameter("sslmode") is not None:
        return url
    verified = url.with_parameter("sslmode", "verify-full")
    return verified if url.parameter("sslrootcert") else verified.with_parameter("sslrootcert", "system")


def _refuse_cleartext(configuration: Configuration) -> None:
    for variable in ("DATABASE_URL", "DATABASE_URL_UNPOOLED"):
        url = configuration.settings.value(configuration.settings.variables()[variable])
        mode = url.parameter("sslmode") if url is not None and not url.is_local else None
        if mode is not None and mode not in _ENCRYPTED:
            raise InsecureConnection(url.host or "", f"{variable}, {configuration.origin(variable)}", mode)
