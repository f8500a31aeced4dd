"""Load and validate the settings of one environment, and record the origin of each value."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
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
    COMMAND_LINE_ORIGIN,
    DEFAULT_ORIGIN,
    Origin,
    SourcedValue,
    SourceKind,
    find_unknown_names,
    list_environment_files,
    read_environment_file,
    read_process_environment,
)
from seedbed.settings.url_parser import MalformedUrl, parse_url

_ENVIRONMENT_VARIABLE = "SEEDBED_ENV"
_DATA_DIR = "SEEDBED_DATA_DIR"
_URL, _UNPOOLED_URL = "DATABASE_URL", "DATABASE_URL_UNPOOLED"
_URL_VARIABLES = (_URL, _UNPOOLED_URL, "SHADOW_DATABASE_URL")
_ENCRYPTED_SSLMODES = frozenset({"require", "verify-ca", "verify-full"})


@dataclass(frozen=True)
class SettingEntry:
    """One line of `seedbed config`: a setting whose value is masked if it is secret."""

    name: str
    value: str | None
    source: str
    description: str


@dataclass(frozen=True)
class Configuration:
    """The project, the environment and the settings that a command needs before it connects to a database."""

    project: Project
    environment: Environment
    environment_origin: Origin
    settings: Settings
    origins: Mapping[str, Origin]

    def with_address(self, host: str | None, port: int | None) -> "Configuration":
        """Return a configuration with another address for the service. None keeps the current value."""
        chosen = {
            name: (variable, value)
            for name, variable, value in (("host", "SEEDBED_HOST", host), ("port", "SEEDBED_PORT", port))
            if value is not None
        }
        return replace(
            self,
            settings=self.settings.model_copy(update={name: value for name, (_, value) in chosen.items()}),
            origins={**self.origins, **{variable: COMMAND_LINE_ORIGIN for variable, _ in chosen.values()}},
        )

    def get_origin(self, variable: str) -> Origin:
        return self.origins.get(variable, DEFAULT_ORIGIN)

    def list_entries(self) -> list[SettingEntry]:
        """Return all settings in the order of the manual, with passwords masked."""
        chosen = SettingEntry(
            _ENVIRONMENT_VARIABLE,
            self.environment.value,
            str(self.environment_origin),
            "The environment, unless -e chooses one.",
        )
        return [chosen, *map(self._entry, self.settings.get_fields_by_variable().items())]

    def find_suspicious_urls(self) -> list[str]:
        """Return warnings about valid URLs that look wrong, such as a direct address of another database."""
        url, direct = self.settings.database_url, self.settings.database_url_unpooled
        if url is None or direct is None or self.get_origin(_UNPOOLED_URL).kind is SourceKind.DERIVED:
            return []
        same_host = url.direct.host == direct.host or not (url.is_neon or direct.is_neon)
        if same_host and url.name == direct.name:
            return []
        return [
            f"{_UNPOOLED_URL} ({self.get_origin(_UNPOOLED_URL)}) is used as it is: {direct.address}, "
            "which does not look like a "
            f"direct address of {_URL}'s {url.address}."
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

    Later sources override earlier ones. If a source sets DATABASE_URL without DATABASE_URL_UNPOOLED, an earlier
    DATABASE_URL_UNPOOLED is discarded, because both must belong to one database. If `environment` is None, the
    environment is SEEDBED_ENV of the process, else SEEDBED_ENV in `.env`, else development. The function opens no
    connection. It accepts preview and production without a URL; `require_database_url` does not.

    Raises:
        UnknownEnvironment: the environment does not exist.
        InvalidEnvFile: a line of a file is not NAME=value.
        UnknownSetting: a name begins with SEEDBED_ and is not a setting, or a name in a file is a misspelt setting.
        InvalidSetting: a setting has an invalid value.
        InvalidDatabaseUrl: a URL cannot be parsed. The error does not contain its text.
        InsecureConnection: production's URL allows an unencrypted connection to another machine.
    """
    process = read_process_environment(os.environ if environ is None else environ)
    chosen, chosen_by = _choose_environment(project.root, environment, process)
    values, discarded = _merge_layers(
        [*map(read_environment_file, list_environment_files(project.root, chosen)), process]
    )
    cls = SETTINGS_CLASSES[chosen]
    known = {*cls.get_fields_by_variable(), _ENVIRONMENT_VARIABLE}
    for name, suggestion in find_unknown_names(values, known).items():
        raise UnknownSetting(name, str(values[name].origin), suggestion)
    set_values = {
        name: sourced
        for name, sourced in values.items()
        if name in cls.get_fields_by_variable() and sourced.value != ""
    }
    settings = _validate(cls, set_values)
    origins = discarded | {name: sourced.origin for name, sourced in set_values.items()}
    settings = _complete(settings, project.root, origins)
    if chosen is Environment.PRODUCTION:
        settings = _require_encryption(settings, origins, process)
    return Configuration(project, chosen, chosen_by, settings, origins)


def require_database_url(configuration: Configuration) -> DatabaseUrl | None:
    """Return the environment's URL, or None if the environment uses the embedded server.

    Raises:
        DatabaseNotConfigured: preview or production has no URL in its own files or the process. A URL in `.env` does
            not count, because every environment reads that file and it usually names a developer's database.
    """
    environment = configuration.environment
    url = configuration.settings.database_url
    if configuration.settings.uses_embedded_server:
        return url
    shared, own, local = list_environment_files(configuration.project.root, environment)
    origin = configuration.get_origin(_URL)
    from_shared = origin.kind is SourceKind.FILE and origin.place.startswith(f"{shared.name},")
    if url is None or from_shared:
        exists = own.exists() or local.exists()
        raise DatabaseNotConfigured(
            environment, own.name, file_exists=exists, shared=str(origin) if from_shared else None
        )
    return url


def _choose_environment(
    root: Path, option: str | None, process: Mapping[str, SourcedValue]
) -> tuple[Environment, Origin]:
    if option is not None:
        name, origin = option, Origin(SourceKind.OPTION, "--env")
    elif _ENVIRONMENT_VARIABLE in process and process[_ENVIRONMENT_VARIABLE].value:
        name, origin = process[_ENVIRONMENT_VARIABLE].value, process[_ENVIRONMENT_VARIABLE].origin
    elif (sourced := read_environment_file(root / ".env").get(_ENVIRONMENT_VARIABLE)) is not None and sourced.value:
        name, origin = sourced.value, sourced.origin
    else:
        return Environment.DEVELOPMENT, DEFAULT_ORIGIN
    known = [environment.value for environment in Environment]
    if name not in known:
        raise UnknownEnvironment(name, origin.describe(_ENVIRONMENT_VARIABLE), known)
    return Environment(name), origin


def _merge_layers(layers: Iterable[Mapping[str, SourcedValue]]) -> tuple[dict[str, SourcedValue], dict[str, Origin]]:
    """Merge the layers. Return the values and the origins of discarded values.

    Later layers override earlier ones. If a later layer has a DATABASE_URL without a DATABASE_URL_UNPOOLED, it names
    another database than the DATABASE_URL_UNPOOLED of an earlier layer, so the earlier value is discarded.
    """
    values: dict[str, SourcedValue] = {}
    discarded: dict[str, Origin] = {}
    for layer in layers:
        if _URL in layer and _UNPOOLED_URL not in layer and _UNPOOLED_URL in values:
            earlier, later = values.pop(_UNPOOLED_URL).origin, layer[_URL].origin
            discarded[_UNPOOLED_URL] = Origin(SourceKind.DEFAULT, f"default; {earlier} does not go with {later}")
        values |= layer
    return values, discarded


def _validate(cls: type[Settings], given: Mapping[str, SourcedValue]) -> Settings:
    values = {
        name: _parse_url(name, sourced) if name in _URL_VARIABLES else sourced.value for name, sourced in given.items()
    }
    if _UNPOOLED_URL in values and _URL not in values and cls.uses_embedded_server:
        raise InvalidSetting(_UNPOOLED_URL, str(given[_UNPOOLED_URL].origin), f"it goes with {_URL}, and none is set")
    try:
        return cls(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    name = str(first["loc"][0])
    reason = str(first["msg"]).rstrip(".")
    raise InvalidSetting(name, str(given[name].origin), reason[:1].lower() + reason[1:])


def _parse_url(name: str, sourced: SourcedValue) -> DatabaseUrl:
    """Parse a URL before pydantic validates it, because pydantic's errors contain their input."""
    try:
        url, reason = parse_url(sourced.value), ""
    except MalformedUrl as error:
        url, reason = None, str(error)
    if sourced.comment and (reason or "@" in sourced.comment):
        reason = f"{reason}{', and ' if reason else ''}it was cut at ' #', which starts a comment outside of quotes"
    if url is None or reason:
        raise InvalidDatabaseUrl(name, str(sourced.origin), reason)
    return url


def _complete(settings: Settings, root: Path, origins: dict[str, Origin]) -> Settings:
    """Resolve paths relative to the project's root, and derive the direct address of a Neon pooler."""
    update: dict[str, object] = {}
    fields = settings.get_fields_by_variable()
    if settings.data_dir is not None:
        update[fields[_DATA_DIR]] = _resolve_path(settings.data_dir, root, origins)
    url = settings.database_url
    if url is not None and settings.database_url_unpooled is None and url.is_neon_pooler:
        update[fields[_UNPOOLED_URL]] = url.direct
        origins[_UNPOOLED_URL] = Origin(SourceKind.DERIVED, f"{_URL} without -pooler")
    return settings.model_copy(update=update)


def _resolve_path(folder: Path, root: Path, origins: Mapping[str, Origin]) -> Path:
    try:
        return (root / folder.expanduser()).resolve()
    except (RuntimeError, ValueError, OSError):
        raise InvalidSetting(_DATA_DIR, str(origins[_DATA_DIR]), "there is no such place") from None


def _require_encryption(
    settings: Settings, origins: Mapping[str, Origin], process: Mapping[str, SourcedValue]
) -> Settings:
    """Set sslmode to verify-full if it is not set, and refuse unencrypted modes. Skip local connections."""
    update: dict[str, object] = {}
    for variable in (_URL, _UNPOOLED_URL):
        field = settings.get_fields_by_variable()[variable]
        url = settings.get_value(field)
        if url is None or _is_local_connection(url, process):
            continue
        mode = url.parameter("sslmode")
        if mode is None:
            update[field] = _verify_full(url)
        elif mode not in _ENCRYPTED_SSLMODES:
            raise InsecureConnection(url.address, str(origins[variable].describe(variable)), mode)
    return settings.model_copy(update=update)


def _is_local_connection(url: DatabaseUrl, process: Mapping[str, SourcedValue]) -> bool:
    """Whether the connection stays on this machine. libpq's variables or a service can also set the host."""
    elsewhere = "PGHOSTADDR" in process or (url.host is None and ("PGHOST" in process or "PGSERVICE" in process))
    return url.is_local and not elsewhere and url.parameter("service") is None


def _verify_full(url: DatabaseUrl) -> DatabaseUrl:
    """Set sslmode to verify-full. Use the system's certificate authorities, which libpq 16 and later support."""
    verified = url.with_parameter("sslmode", "verify-full")
    return verified if url.parameter("sslrootcert") else verified.with_parameter("sslrootcert", "system")
