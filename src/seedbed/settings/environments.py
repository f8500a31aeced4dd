"""The four environments and their settings."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from seedbed.errors import InvalidDatabaseUrl
from seedbed.settings.database_url import DatabaseUrl
from seedbed.settings.url_parser import MalformedUrl, parse_url


class Environment(StrEnum):
    """The environment that a database belongs to. The database's mark has the same values."""

    DEVELOPMENT = "development"
    TESTING = "testing"
    PREVIEW = "preview"
    PRODUCTION = "production"


def _parse_database_url(value: object, info: ValidationInfo) -> object:
    """Parse a URL. Raise Seedbed's own error, because a ValidationError would contain the text in `errors()`."""
    if not isinstance(value, str):
        return value
    try:
        return parse_url(value)
    except MalformedUrl as error:
        alias = Settings.model_fields[str(info.field_name)].alias
        raise InvalidDatabaseUrl(str(alias), "given in code", str(error)) from None


DatabaseUrlField = Annotated[DatabaseUrl, BeforeValidator(_parse_database_url)]


class Settings(BaseSettings):
    """The settings of an environment.

    The alias of a field is the name of its variable. The description of a field is its text in the manual.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True, validate_default=True
    )

    environment: ClassVar[Environment]
    uses_embedded_server: ClassVar[bool] = False
    """Whether the environment uses the embedded server if no URL is set."""

    database_url: DatabaseUrlField | None = Field(
        None, alias="DATABASE_URL", description="URL of the database. Default: the embedded server."
    )
    database_url_unpooled: DatabaseUrlField | None = Field(
        None,
        alias="DATABASE_URL_UNPOOLED",
        description="URL of the same database without a connection pooler, for migrations and seeds. Derived on Neon.",
    )
    shadow_database_url: DatabaseUrlField | None = Field(
        None,
        alias="SHADOW_DATABASE_URL",
        description="URL of a server for the temporary databases of drafts. Default: the embedded server.",
    )
    neon_api_key: SecretStr | None = Field(
        None, alias="NEON_API_KEY", description="API key for Neon, to create branches. Never shown."
    )
    neon_project_id: str | None = Field(None, alias="NEON_PROJECT_ID", description="ID of the Neon project.")
    neon_api_host: str = Field(
        "https://console.neon.tech/api/v2", alias="NEON_API_HOST", description="Base URL of Neon's API."
    )
    data_dir: Path | None = Field(
        None,
        alias="SEEDBED_DATA_DIR",
        description="Directory of the embedded server. Default: .seedbed in the project.",
    )
    host: str = Field("127.0.0.1", alias="SEEDBED_HOST", description="The address the service listens on.")
    port: int = Field(8000, alias="SEEDBED_PORT", ge=1, le=65535, description="The port the service listens on.")
    pool_size: int = Field(
        5, alias="SEEDBED_POOL_SIZE", ge=1, le=100, description="Size of the service's connection pool, per process."
    )
    deadline: float = Field(
        5.0, alias="SEEDBED_DEADLINE", gt=0, le=300, description="Seconds until a request times out with 503."
    )
    tokens: SecretStr | None = Field(
        None,
        alias="SEEDBED_TOKENS",
        description="Comma-separated SHA-256 hashes of tokens that may read. Create one: seedbed serve --new-token.",
    )
    cursor_key: SecretStr | None = Field(
        None,
        alias="SEEDBED_CURSOR_KEY",
        min_length=16,
        description="Key that signs page cursors, shared by all processes, at least 16 characters. Default: random.",
    )
    cors_origins: str | None = Field(
        None,
        alias="SEEDBED_CORS_ORIGINS",
        description="Comma-separated origins that may read from a browser. Default: none.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings passes these by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the arguments, because `load_configuration` reads the files and the process and records origins."""
        return (init_settings,)

    @classmethod
    def get_fields_by_variable(cls) -> dict[str, str]:
        """Return the names of the fields by the names of their variables."""
        return {str(field.alias): name for name, field in cls.model_fields.items()}

    def get_value(self, name: str) -> Any:
        return getattr(self, name)


class DevelopmentSettings(Settings):
    """Settings for a developer's machine. It uses the embedded server if no URL is set."""

    environment = Environment.DEVELOPMENT
    uses_embedded_server = True


class TestingSettings(Settings):
    """Settings for databases that tests may empty. They are on the embedded server if no URL is set."""

    environment = Environment.TESTING
    uses_embedded_server = True


class PreviewSettings(Settings):
    """Settings for preview databases, one per pull request. The URL comes from the preview's file or the process."""

    environment = Environment.PREVIEW


class ProductionSettings(Settings):
    """Settings for production. The URL comes from production's file or the process. The connection is encrypted."""

    environment = Environment.PRODUCTION


SETTINGS_CLASSES: dict[Environment, type[Settings]] = {
    settings.environment: settings
    for settings in (DevelopmentSettings, TestingSettings, PreviewSettings, ProductionSettings)
}
