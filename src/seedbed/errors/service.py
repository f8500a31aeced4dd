"""Errors that the read service answers with (SB6xx)."""

from collections.abc import Sequence

from seedbed.errors.base import ServiceError


class DatabaseUnavailable(ServiceError):
    """The service has no connection to its database."""

    code = "SB601"
    status = 503

    def __init__(self) -> None:
        super().__init__("The database cannot be reached at the moment.", remedy="Try again in a few seconds.")


class RowNotFound(ServiceError):
    """There is no row with that key."""

    code = "SB602"
    status = 404

    def __init__(self, table: str) -> None:
        super().__init__(f"There is no {table} with that key.", remedy="List them to see which exist.")


class PortInUse(ServiceError):
    """Another program listens on the service's port."""

    code = "SB603"
    status = 500

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} is taken by another program.", remedy="Choose another: --port NUMBER")


class ListenFailure(ServiceError):
    """The service's address is not one that this user can listen on at this machine."""

    code = "SB604"
    status = 500

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"The service cannot listen on {host}:{port}: {reason}.",
            remedy="Choose another: --host ADDRESS --port NUMBER; 127.0.0.1 is for this machine alone.",
        )


class OutdatedSchema(ServiceError):
    """The service's database lacks a table or a column that the models have."""

    code = "SB605"
    status = 503

    def __init__(self) -> None:
        super().__init__("The database lacks tables or columns of the models.", remedy="seedbed migrate apply")


class PoolExhausted(ServiceError):
    """Every connection of the service's pool is at work."""

    code = "SB606"
    status = 503

    def __init__(self) -> None:
        super().__init__("The service has no connection to its database free.", remedy="Try again in a few seconds.")


class InvalidQuery(ServiceError):
    """A request's query has a parameter that is unknown, or a value that cannot be used."""

    code = "SB607"
    status = 422

    def __init__(self, parameter: str | None, reason: str) -> None:
        said = f"{parameter} cannot be used: {reason}" if parameter else f"The query cannot be used: {reason}"
        super().__init__(f"{said.rstrip('.')}.", remedy="/docs has every parameter.")


class InvalidCursor(ServiceError):
    """A cursor is not one that this service gave for this list."""

    code = "SB608"
    status = 422

    def __init__(self) -> None:
        super().__init__(
            "The cursor is not one that was given for this list in this order.",
            remedy="Begin again without it, and follow the Link header.",
        )


class InvalidToken(ServiceError):
    """A request has no token that this service knows."""

    code = "SB609"
    status = 401

    def __init__(self) -> None:
        super().__init__(
            "This service answers only to those it knows.", remedy="Send a token: Authorization: Bearer TOKEN"
        )


class UrlTooLong(ServiceError):
    """A request's URL is longer than any that the service has a use for."""

    code = "SB610"
    status = 414

    def __init__(self, most: int) -> None:
        super().__init__(f"A URL here has at most {most} bytes.", remedy="Ask for less at a time.")


class QueryTimeout(ServiceError):
    """A statement took longer than the database, or the service's deadline, allows."""

    code = "SB611"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "This takes longer than is allowed.",
            remedy="Narrow it by a filter, or sort by a column with an index.",
        )


class MissingReadPrivilege(ServiceError):
    """The service's role may not read what was asked for."""

    code = "SB612"
    status = 500

    def __init__(self) -> None:
        super().__init__(
            "The service's role may not read this.",
            remedy="Grant it what the models make public: seedbed db grant-reader",
        )


class AuthenticationNotConfigured(ServiceError):
    """The service would be open to others, and nobody said who they may be."""

    code = "SB613"
    status = 500

    def __init__(self, because: str) -> None:
        super().__init__(
            f"Who may read is not said, and {because}.",
            remedy="Set SEEDBED_TOKENS to hashes from seedbed serve --new-token, or say --public.",
        )


class InvalidTokenHash(ServiceError):
    """A hash in SEEDBED_TOKENS is no hash."""

    code = "SB614"
    status = 500

    def __init__(self, position: int) -> None:
        super().__init__(
            f"Entry {position} of SEEDBED_TOKENS is not a SHA-256 in 64 hexadecimal digits.",
            remedy="Make a token and its hash: seedbed serve --new-token",
        )


class InvalidRoutesModule(ServiceError):
    """The project's own module of routes has no router."""

    code = "SB615"
    status = 500

    def __init__(self, module: str) -> None:
        super().__init__(
            f"{module} has no `router` that is a fastapi.APIRouter.", remedy=f"Define it there, or rename {module}."
        )


class DuplicateAlias(ServiceError):
    """Two columns of a table would be answered under one name."""

    code = "SB616"
    status = 500

    def __init__(self, table: str, name: str) -> None:
        super().__init__(
            f"Two columns of {table} would be answered as {name}.",
            remedy="Give one of them another serialization_alias.",
        )


class UnsupportedSerializer(ServiceError):
    """A model writes its rows in a way that the service cannot follow."""

    code = "SB617"
    status = 500

    def __init__(self, model: str, serializer: str) -> None:
        super().__init__(
            f"{model} writes {serializer} with code of its own that the service cannot follow.",
            remedy='Keep the table back with __table_args__ = {"info": {"public": False}}, and serve it in routes.py.',
        )


class RowSerializationFailure(ServiceError):
    """A model's own code failed while a row was written."""

    code = "SB618"
    status = 500

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The model's own code failed over a row of {table}.",
            remedy="It can read the columns that are public, and no others; the log says what it wanted.",
        )


class NoLinkedRow(ServiceError):
    """The columns of a row that would lead to another are NULL."""

    code = "SB619"
    status = 404

    def __init__(self, table: str, link: str, columns: Sequence[str]) -> None:
        null = f"{' and '.join(columns)} {'is' if len(columns) == 1 else 'are'} null"
        super().__init__(f"This {table} has no {link}.", remedy=f"That is no mistake: its {null}.")


class PathNotFound(ServiceError):
    """The service has nothing at that path."""

    code = "SB620"
    status = 404

    def __init__(self) -> None:
        super().__init__("There is nothing at this path.", remedy="/docs lists what there is; no path ends in a slash.")


class MethodNotAllowed(ServiceError):
    """The service answers other methods at that path."""

    code = "SB621"
    status = 405

    def __init__(self) -> None:
        super().__init__("This path does not answer that method.", remedy="The Allow header says which it does.")


class InvalidReaderRole(ServiceError):
    """A role cannot be kept to reading what is public."""

    code = "SB622"
    status = 500

    def __init__(self, role: str, reason: str) -> None:
        super().__init__(
            f"{role or 'An empty name'} cannot be a reader: {reason}.",
            remedy="Name a role of the service's own, such as app_reader; it is made if it does not exist.",
        )


class MalformedRequest(ServiceError):
    """What came over a connection is no HTTP request, or one with a URL beyond all measure."""

    code = "SB623"
    status = 400

    def __init__(self, most: int) -> None:
        super().__init__(
            "This is no HTTP request that can be read.",
            remedy=f"Its method has to be one of HTTP's, and a URL here has at most {most} bytes.",
        )
