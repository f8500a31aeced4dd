"""Errors that keep the read service from starting, or its reader role from being created (SB603 to SB622)."""

from seedbed.errors.base import ServiceError


class PortInUse(ServiceError):
    """Another program listens on the service's port, perhaps another `seedbed up`.

    `up` uses one of the next ports unless `SEEDBED_PORT` is set; `serve` does not.
    """

    code = "SB603"
    status = 500

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {host} is already in use.", remedy="Stop the other program, or use --port NUMBER"
        )


class ListenFailure(ServiceError):
    """The service cannot listen on its address.

    The address belongs to another machine, or the port is below 1024 and needs root. `0.0.0.0` listens on all addresses
    of this machine.
    """

    code = "SB604"
    status = 500

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"The service cannot listen on {host}:{port}: {reason}.",
            remedy="Use another address: --host ADDRESS --port NUMBER; 127.0.0.1 accepts this machine only.",
        )


class AuthenticationNotConfigured(ServiceError):
    """The service would be open to others, and nobody has decided who may read.

    That is so in preview and production, and on an address that other machines reach. Create tokens with
    `seedbed serve --new-token` and set their hashes, or disable authentication with `--public`.
    """

    code = "SB613"
    status = 500

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Authentication is required, because {reason}.",
            remedy="Set SEEDBED_TOKENS to hashes from seedbed serve --new-token, or pass --public.",
        )


class InvalidTokenHash(ServiceError):
    """An entry of `SEEDBED_TOKENS` is not a SHA-256 hash.

    The entry is not shown, because it may be the token itself. The client keeps the token, and this setting its hash.
    """

    code = "SB614"
    status = 500

    def __init__(self, position: int) -> None:
        super().__init__(
            f"Entry {position} of SEEDBED_TOKENS is not a SHA-256 hash of 64 hexadecimal digits.",
            remedy="Create a token and its hash: seedbed serve --new-token",
        )


class InvalidRoutesModule(ServiceError):
    """The project's `routes.py` has no `router`.

    The service adds the routes of that `fastapi.APIRouter`.
    """

    code = "SB615"
    status = 500

    def __init__(self, module: str) -> None:
        super().__init__(
            f"{module} has no `router` that is a fastapi.APIRouter.", remedy=f"Define it there, or rename {module}."
        )


class DuplicateAlias(ServiceError):
    """Two columns of a table would have the same name in an answer.

    The alias of a field is another column's name or alias. The service uses aliases in its answers, as FastAPI does.
    """

    code = "SB616"
    status = 500

    def __init__(self, table: str, name: str) -> None:
        super().__init__(
            f"Two columns of {table} would have the name {name} in an answer.",
            remedy="Give one of them another serialization_alias.",
        )


class UnsupportedSerializer(ServiceError):
    """A model has a serializer whose output the service cannot describe.

    A `model_serializer` may return any shape, so the service could build neither filters nor the OpenAPI document. The
    same holds for the serializer of a field whose type exists in PostgreSQL only, such as a range. Serializers of other
    fields and computed fields are supported.
    """

    code = "SB617"
    status = 500

    def __init__(self, model: str, serializer: str) -> None:
        super().__init__(
            f"{model} serializes {serializer} with its own code, whose output the service cannot describe.",
            remedy='Make the table private with __table_args__ = {"info": {"public": False}}, and serve it in '
            "routes.py.",
        )


class InvalidReaderRole(ServiceError):
    """The role cannot be limited to reading public columns.

    `seedbed db grant-reader` revokes every other privilege of the role on the tables. So it refuses the role that owns
    them, a role with the owner's or a superuser's rights, and the role that it connects as. It also refuses names that
    PostgreSQL reserves.
    """

    code = "SB622"
    status = 500

    def __init__(self, role: str, reason: str) -> None:
        super().__init__(
            f"{role or 'An empty name'} cannot be a reader: {reason}.",
            remedy="Name a separate role for the service, such as app_reader; it is created if it does not exist.",
        )
