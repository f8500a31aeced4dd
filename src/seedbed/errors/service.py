"""Errors that the read service answers requests with (SB601 to SB623)."""

from collections.abc import Sequence

from seedbed.errors.base import ServiceError


class DatabaseUnavailable(ServiceError):
    """The service cannot reach its database, or got no answer within `SEEDBED_DEADLINE`.

    It answers 503 with `Retry-After`, and recovers by itself when the database is back. `/health/ready` also fails in
    that time, and `/health/live` does not.
    """

    code = "SB601"
    status = 503

    def __init__(self) -> None:
        super().__init__("The database cannot be reached at the moment.", remedy="Try again in a few seconds.")


class RowNotFound(ServiceError):
    """The table has no row with that key. The service answers 404."""

    code = "SB602"
    status = 404

    def __init__(self, table: str) -> None:
        super().__init__(f"There is no {table} with that key.", remedy="The list shows which exist.")


class OutdatedSchema(ServiceError):
    """The database lacks a table or a column that the models have.

    The service answers 503 for what it cannot read, and serves the rest. Apply the pending revisions, or draft the
    missing one.
    """

    code = "SB605"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The database lacks tables or columns of the models.",
            remedy="Apply the pending revisions: seedbed migrate apply",
        )


class PoolExhausted(ServiceError):
    """Every connection of the service's pool was busy for a second.

    `SEEDBED_POOL_SIZE` sets their number. The service answers 503 with `Retry-After`.
    """

    code = "SB606"
    status = 503

    def __init__(self) -> None:
        super().__init__("All database connections of the service are busy.", remedy="Try again in a few seconds.")


class InvalidQuery(ServiceError):
    """A query string has an unknown parameter or an invalid value.

    A column that may not be read counts as unknown. `/docs` lists the parameters of each list.
    """

    code = "SB607"
    status = 422

    def __init__(self, parameter: str | None, reason: str) -> None:
        fact = f"{parameter} cannot be used: {reason}" if parameter else f"The query cannot be used: {reason}"
        super().__init__(f"{fact.rstrip('.')}.", remedy="/docs lists every parameter.")


class InvalidCursor(ServiceError):
    """The service did not create this cursor for this list in this order.

    The cursor was changed, comes from another list, or was signed with another key: without `SEEDBED_CURSOR_KEY`, each
    process has its own key. Start again without a cursor, and follow the `Link` header.
    """

    code = "SB608"
    status = 422

    def __init__(self) -> None:
        super().__init__(
            "The cursor does not belong to this list in this order.",
            remedy="Start again without it, and follow the Link header.",
        )


class InvalidToken(ServiceError):
    """The service requires a token (`SEEDBED_TOKENS`), and the request has none of them.

    Only `/health/live` and `/health/ready` need no token.
    """

    code = "SB609"
    status = 401

    def __init__(self) -> None:
        super().__init__("This service requires a valid token.", remedy="Send one: Authorization: Bearer TOKEN")


class UrlTooLong(ServiceError):
    """Path and query together have more than 8,000 bytes.

    No list needs that many. Request less at a time.
    """

    code = "SB610"
    status = 414

    def __init__(self, limit: int) -> None:
        super().__init__(f"A URL here has at most {limit} bytes.", remedy="Request less at a time.")


class QueryTimeout(ServiceError):
    """A statement took too long.

    PostgreSQL cancelled it because of the role's `statement_timeout` or a lock, or `SEEDBED_DEADLINE` passed while the
    database answered other requests. Filter or sort by a column with an index, or add an index.
    """

    code = "SB611"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The query took too long.",
            remedy="Narrow it with a filter, or sort by a column with an index.",
        )


class MissingReadPrivilege(ServiceError):
    """The service's role may not read a table or a column that the models make public.

    Usually a migration added it after the privileges were granted. Grant them again.
    """

    code = "SB612"
    status = 500

    def __init__(self) -> None:
        super().__init__(
            "The service's role may not read this.",
            remedy="Grant it what the models make public: seedbed db grant-reader",
        )


class RowSerializationFailure(ServiceError):
    """A computed field or a serializer of the model raised while the service wrote a row.

    It gets the public columns only; the service does not load relationships or private columns. Compute from public
    columns, or serve the table in `routes.py` with a session. The log has the exception.
    """

    code = "SB618"
    status = 500

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The model's own code failed on a row of {table}.",
            remedy="It can read public columns only; the log has the exception.",
        )


class NoLinkedRow(ServiceError):
    """The row exists, and the columns that would refer to another row are NULL.

    For example, a customer whom nobody referred has no `/customers/1/referred_by`. The service answers 404.
    """

    code = "SB619"
    status = 404

    def __init__(self, table: str, link: str, columns: Sequence[str]) -> None:
        null = f"{' and '.join(columns)} {'is' if len(columns) == 1 else 'are'} null"
        super().__init__(f"This {table} has no {link}.", remedy=f"This is not a mistake: its {null}.")


class PathNotFound(ServiceError):
    """No table and no custom route has that path.

    `/docs` lists all paths. They are case-sensitive and have no slash at the end. A private table, or one without a
    key, has no path.
    """

    code = "SB620"
    status = 404

    def __init__(self) -> None:
        super().__init__("There is nothing at this path.", remedy="/docs lists all paths; none ends in a slash.")


class MethodNotAllowed(ServiceError):
    """The path exists, but does not support that method.

    Tables support GET and HEAD. Routes that write are the project's own.
    """

    code = "SB621"
    status = 405

    def __init__(self) -> None:
        super().__init__("This path does not support that method.", remedy="The Allow header lists those it supports.")


class MalformedRequest(ServiceError):
    """The bytes on the connection are not an HTTP request.

    Examples are an unknown method, a URL of more than 64 kB, and TLS on a port without TLS. The service answers 400 and
    closes the connection. Shorter URLs that are still too long are [SB610](#sb610-urltoolong).
    """

    code = "SB623"
    status = 400

    def __init__(self, limit: int) -> None:
        super().__init__(
            "This is not a readable HTTP request.",
            remedy=f"Its method must be an HTTP method, and a URL here has at most {limit} bytes.",
        )
