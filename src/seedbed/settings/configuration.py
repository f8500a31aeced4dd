"""The settings of one environment of one project, loaded and checked, each with its origin."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from seedbed.errors import (
    DatabaseNotConfigured,
    InsecureConnection,
    InvalidDatabaseUrl,
    InvalidSetting,
    UnknownEnvironment,
    UnknownSetting,
)
from seedbed.settings.database_url import DatabaseUrl
from seedbed.settings.environments import SETTINGS_CLASSES, Environment, Settings
from seedbed.settings.project import Project
from seedbed.settings.sources import (
    DEFAULT_ORIGIN,
    SourceKind,
    Origin,
    SourcedValue,
    list_environment_files,
    read_environment_file,
    read_process_environment,
    find_unknown_names,
)
from seedbed.settings.url_parser import MalformedUrl, parse_url

_CHOICE = "SEEDBED_ENV"
_FOLDER = "SEEDBED_DATA_DIR"
_SERVED, _DIRECT = "DATABASE_URL", "DATABASE_URL_UNPOOLED"
_URLS = (_SERVED, _DIRECT, "SHADOW_DATABASE_URL")
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})


@dataclass(frozen=True)
class SettingEntry:
    """One line of `seedbed config`: a setting as it may be shown."""

    name: str
    value: str | None
    source: str
    description: str


@dataclass(frozen=True)
class Configuration:
    """Everything a command needs to know before it connects anywhere."""

    project: Project
    environment: Environment
    environment_origin: Origin
    settings: Settings
    origins: Mapping[str, Origin]

    def get_origin(self, variable: str) -> Origin:
        return self.origins.get(variable, DEFAULT_ORIGIN)

    def list_entries(self) -> list[SettingEntry]:
        """Every setting in the order of the manual; passwords are masked."""
        chosen = SettingEntry(
            _CHOICE, self.environment.value, str(self.environment_origin), "The environment, unless -e chooses one."
        )
        return [chosen, *map(self._entry, self.settings.get_fields_by_variable().items())]

    def find_suspicious_urls(self) -> list[str]:
        """What is taken at its word and looks like a slip, in sentences: a direct address of another database."""
        served, direct = self.settings.database_url, self.settings.database_url_unpooled
        if served is None or direct is None or self.get_origin(_DIRECT).kind is SourceKind.DERIVED:
            return []
        same_host = served.direct.host == direct.host or not (served.is_neon or direct.is_neon)
        if same_host and served.name == direct.name:
            return []
        return [
            f"{_DIRECT} ({self.get_origin(_DIRECT)}) is taken at its word: {direct.address}, which does not look like a "
            f"direct address of {_SERVED}'s {served.address}."
        ]

    def _entry(self, variable_and_field: tuple[str, str]) -> SettingEntry:
        variable, name = variable_and_field
        value = self.settings.get_value(name)
        shown = None if value is None else str(value)
        description = type(self.settings).model_fields[name].description or ""
        return SettingEntry(variable, shown, str(self.get_origin(variable)), description)


def load_configuration(
    project: Project, environment: str | None = None, *, environ: Mapping[str, str] | None = None
) -> Configuration:
    """Load an environment's settings: `.env`, `.env.<environment>`, `.env.<environment>.local`, then the process.

    A DATABASE_URL_UNPOOLED is left out when a later place sets DATABASE_URL alone: the two are one database's.
    Without `environment`, SEEDBED_ENV in the process chooses it, then SEEDBED_ENV in `.env`, then it is development.
    Nothing connects, and a preview or production without a database of its own is an error only once `require_database_url`
    is asked for one.

    Raises:
        UnknownEnvironment: the chosen one does not exist.
        InvalidEnvFile: a line of a file is not NAME=value.
        UnknownSetting: a name that begins with SEEDBED_ is no setting, or one in a file is a slip for one.
        InvalidSetting: a value does not fit its setting.
        InvalidDatabaseUrl: a URL cannot be read; its text is not repeated.
        InsecureConnection: production's URL asks for an unencrypted connection off this machine.
    """
    process = read_process_environment(os.environ if environ is None else environ)
    chosen, chosen_by = _choose(project.root, environment, process)
    values, left_out = _merged([*map(read_environment_file, list_environment_files(project.root, chosen)), process])
    cls = SETTINGS_CLASSES[chosen]
    known = {*cls.get_fields_by_variable(), _CHOICE}
    for name, meant in find_unknown_names(values, known).items():
        raise UnknownSetting(name, str(values[name].origin), meant)
    given = {
        name: sourced
        for name, sourced in values.items()
        if name in cls.get_fields_by_variable() and sourced.value != ""
    }
    settings = _validated(cls, given)
    origins = left_out | {name: sourced.origin for name, sourced in given.items()}
    settings = _completed(settings, project.root, origins)
    if chosen is Environment.PRODUCTION:
        settings = _encrypted(settings, origins, process)
    return Configuration(project, chosen, chosen_by, settings, origins)


def require_database_url(configuration: Configuration) -> DatabaseUrl | None:
    """The URL the environment is to use; None where the embedded server takes its place.

    Raises:
        DatabaseNotConfigured: preview or production has no URL of its own. One in `.env` does not count, since
            every environment reads that file and it mostly names a developer's database.
    """
    environment = configuration.environment
    url = configuration.settings.database_url
    if configuration.settings.uses_embedded_server:
        return url
    shared, own, local = list_environment_files(configuration.project.root, environment)
    origin = configuration.get_origin(_SERVED)
    from_shared = origin.kind is SourceKind.FILE and origin.place.startswith(f"{shared.name},")
    if url is None or from_shared:
        exists = own.exists() or local.exists()
        raise DatabaseNotConfigured(
            environment, own.name, file_exists=exists, shared=str(origin) if from_shared else None
        )
    return url


def _choose(root: Path, option: str | None, process: Mapping[str, SourcedValue]) -> tuple[Environment, Origin]:
    if option is not None:
        name, origin = option, Origin(SourceKind.OPTION, "--env")
    elif _CHOICE in process and process[_CHOICE].value:
        name, origin = process[_CHOICE].value, process[_CHOICE].origin
    elif (sourced := read_environment_file(root / ".env").get(_CHOICE)) is not None and sourced.value:
        name, origin = sourced.value, sourced.origin
    else:
        return Environment.DEVELOPMENT, DEFAULT_ORIGIN
    known = [environment.value for environment in Environment]
    if name not in known:
        raise UnknownEnvironment(name, origin.describe(_CHOICE), known)
    return Environment(name), origin


def _merged(layers: Iterable[Mapping[str, SourcedValue]]) -> tuple[dict[str, SourcedValue], dict[str, Origin]]:
    """The layers' values, later ones winning. The two addresses of one database go together: a DATABASE_URL on its own
    in a later layer names another database than the DATABASE_URL_UNPOOLED of an earlier one, which is left out.
    """
    values: dict[str, SourcedValue] = {}
    left_out: dict[str, Origin] = {}
    for layer in layers:
        if _SERVED in layer and _DIRECT not in layer and _DIRECT in values:
            earlier, later = values.pop(_DIRECT).origin, layer[_SERVED].origin
            left_out[_DIRECT] = Origin(SourceKind.DEFAULT, f"default; {earlier} does not go with {later}")
        values |= layer
    return values, left_out


def _validated(cls: type[Settings], given: Mapping[str, SourcedValue]) -> Settings:
    values = {name: _url(name, sourced) if name in _URLS else sourced.value for name, sourced in given.items()}
    if _DIRECT in values and _SERVED not in values and cls.uses_embedded_server:
        raise InvalidSetting(_DIRECT, str(given[_DIRECT].origin), f"it goes with {_SERVED}, and none is set")
    try:
        return cls(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    name = str(first["loc"][0])
    reason = str(first["msg"]).rstrip(".")
    raise InvalidSetting(name, str(given[name].origin), reason[:1].lower() + reason[1:])


def _url(name: str, sourced: SourcedValue) -> DatabaseUrl:
    """A URL, parsed before pydantic sees it: its errors carry what they were given."""
    try:
        url, reason = parse_url(sourced.value), ""
    except MalformedUrl as error:
        url, reason = None, str(error)
    if sourced.comment and (reason or "@" in sourced.comment):
        reason = f"{reason}{', and ' if reason else ''}it was cut at ' #', which starts a comment outside of quotes"
    if url is None or reason:
        raise InvalidDatabaseUrl(name, str(sourced.origin), reason)
    return url


def _completed(settings: Settings, root: Path, origins: dict[str, Origin]) -> Settings:
    """Paths resolved from the project's root, and the direct address of a Neon pooler."""
    update: dict[str, object] = {}
    fields = settings.get_fields_by_variable()
    if settings.data_dir is not None:
        update[fields[_FOLDER]] = _resolved(settings.data_dir, root, origins)
    url = settings.database_url
    if url is not None and settings.database_url_unpooled is None and url.is_neon_pooler:
        update[fields[_DIRECT]] = url.direct
        origins[_DIRECT] = Origin(SourceKind.DERIVED, f"{_SERVED} without -pooler")
    return settings.model_copy(update=update)


def _resolved(folder: Path, root: Path, origins: Mapping[str, Origin]) -> Path:
    try:
        return (root / folder.expanduser()).resolve()
    except (RuntimeError, ValueError, OSError):
        raise InvalidSetting(_FOLDER, str(origins[_FOLDER]), "there is no such place") from None


def _encrypted(settings: Settings, origins: Mapping[str, Origin], process: Mapping[str, SourcedValue]) -> Settings:
    """The strictest mode where none was chosen, and a refusal where a weak one was; on this machine, either is moot."""
    update: dict[str, object] = {}
    for variable in (_SERVED, _DIRECT):
        field = settings.get_fields_by_variable()[variable]
        url = settings.get_value(field)
        if url is None or _stays_here(url, process):
            continue
        mode = url.parameter("sslmode")
        if mode is None:
            update[field] = _verified(url)
        elif mode not in _ENCRYPTED:
            raise InsecureConnection(url.address, str(origins[variable].describe(variable)), mode)
    return settings.model_copy(update=update)


def _stays_here(url: DatabaseUrl, process: Mapping[str, SourcedValue]) -> bool:
    """Where a URL does not say where it goes, libpq lets variables of the process, or a service, say it."""
    elsewhere = "PGHOSTADDR" in process or (url.host is None and ("PGHOST" in process or "PGSERVICE" in process))
    return url.is_local and not elsewhere and url.parameter("service") is None


def _verified(url: DatabaseUrl) -> DatabaseUrl:
    """`system` is the machine's own list of authorities, which libpq has known since 16."""
    verified = url.with_parameter("sslmode", "verify-full")
    return verified if url.parameter("sslrootcert") else verified.with_parameter("sslrootcert", "system")
