"""Errors that keep the read service from starting, or its reader role from being created (SB603 to SB622)."""

from seedbed.errors.base import ServiceError


class PortInUse(ServiceError):
    """Another program listens on the service's port, perhaps another `seedbed up`.

    If `SEEDBED_PORT` is not set, `seedbed up` uses one of the next ports instead. `seedbed serve` does not. Stop the
    other program, or choose another port.
    """

    code = "SB603"
    status = 500

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {host} is already in use.", remedy="Stop the other program, or use --port NUMBER"
        )


class ListenFailure(ServiceError):
    """The service cannot listen on its address.

    The address belongs to another machine, or the port is below 1024 and needs root. Choose another address or port.
    `0.0.0.0` listens on all addresses of this machine.
    """

    code = "SB604"
    status = 500

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"The service cannot listen on {host}:{port}: {reason}.",
            remedy="Use another address: --host ADDRESS --port NUMBER; 127.0.0.1 accepts this machine only.",
        )


class AuthenticationNotConfigured(ServiceError):
    """The service requires authentication, but no tokens are set.

    This applies in preview and production, and on an address that other machines can reach. Create tokens with
    `seedbed serve --new-token` and set their hashes in `SEEDBED_TOKENS`, or disable authentication with `--public`.
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

    The message does not show the entry, because it may be the token itself. Give the token to the client, and put its
    hash into this setting.
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

    `router` must be a `fastapi.APIRouter`. The service adds its routes. Define `router`, or rename the module.
    """

    code = "SB615"
    status = 500

    def __init__(self, module: str) -> None:
        super().__init__(
            f"{module} has no `router` that is a fastapi.APIRouter.", remedy=f"Define it there, or rename {module}."
        )


class DuplicateAlias(ServiceError):
    """Two columns of a table would have the same name in a response.

    The alias of a field equals another column's name or alias. The service uses aliases in its responses, as FastAPI
    does. Change one of the aliases.
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

    A `model_serializer` may return any shape, so the service cannot build filters or the OpenAPI document from it. The
    same is true of a serializer for a field whose type exists in PostgreSQL only, such as a range. The service supports
    computed fields and serializers of other fields. Make the table private, and serve it in `routes.py`.
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

    `seedbed db grant-reader` revokes every other privilege of the role on the tables. It therefore refuses the owner of
    the tables, a role with the rights of the owner or of a superuser, and the role that it connects as. It also
    refuses names that PostgreSQL reserves. Choose a separate role for the service.
    """

    code = "SB622"
    status = 500

    def __init__(self, role: str, reason: str) -> None:
        super().__init__(
            f"{role or 'An empty name'} cannot be a reader: {reason}.",
            remedy="Name a separate role for the service, such as app_reader; it is created if it does not exist.",
        )
