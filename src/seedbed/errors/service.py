"""Errors that the read service returns to its clients (SB601 to SB623)."""

from collections.abc import Sequence

from seedbed.errors.base import ServiceError


class DatabaseUnavailable(ServiceError):
    """The service cannot reach its database, or the database did not answer within `SEEDBED_DEADLINE`.

    The service answers 503 with `Retry-After`, and recovers without a restart when the database is back. During the
    outage, `/health/ready` fails and `/health/live` succeeds.
    """

    code = "SB601"
    status = 503

    def __init__(self) -> None:
        super().__init__("The database cannot be reached at the moment.", remedy="Try again in a few seconds.")


class RowNotFound(ServiceError):
    """The table has no row with that key.

    The service answers 404.
    """

    code = "SB602"
    status = 404

    def __init__(self, table: str) -> None:
        super().__init__(f"There is no {table} with that key.", remedy="The list shows which exist.")


class OutdatedSchema(ServiceError):
    """The database lacks a table or a column that the models have.

    The service answers 503 for routes that need the missing object, and serves the others. Apply the pending revisions,
    or draft the missing revision.
    """

    code = "SB605"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "The database lacks tables or columns of the models.",
            remedy="Apply the pending revisions: seedbed migrate apply",
        )


class PoolExhausted(ServiceError):
    """Every connection of the service's pool was busy for one second.

    The service answers 503 with `Retry-After`. `SEEDBED_POOL_SIZE` sets the number of connections.
    """

    code = "SB606"
    status = 503

    def __init__(self) -> None:
        super().__init__("All database connections of the service are busy.", remedy="Try again in a few seconds.")


class InvalidQuery(ServiceError):
    """A query string has an unknown parameter or an invalid value.

    A column that the client may not read counts as unknown. `/docs` lists the parameters of each list.
    """

    code = "SB607"
    status = 422

    def __init__(self, parameter: str | None, reason: str) -> None:
        fact = f"{parameter} cannot be used: {reason}" if parameter else f"The query cannot be used: {reason}"
        super().__init__(f"{fact.rstrip('.')}.", remedy="/docs lists every parameter.")


class InvalidCursor(ServiceError):
    """The cursor does not belong to this list in this order.

    The cursor was changed, belongs to another list, or was signed with another key. Without `SEEDBED_CURSOR_KEY`, each
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
    """The request has no valid token, and the service requires one.

    `SEEDBED_TOKENS` holds the hashes of the valid tokens. Only `/health/live` and `/health/ready` need no token.
    """

    code = "SB609"
    status = 401

    def __init__(self) -> None:
        super().__init__("This service requires a valid token.", remedy="Send one: Authorization: Bearer TOKEN")


class UrlTooLong(ServiceError):
    """The path and the query together have more than 8,000 bytes.

    No list needs a longer URL. Request less at a time.
    """

    code = "SB610"
    status = 414

    def __init__(self, limit: int) -> None:
        super().__init__(f"A URL here has at most {limit} bytes.", remedy="Request less at a time.")


class QueryTimeout(ServiceError):
    """A statement took too long.

    Either PostgreSQL cancelled it because of the role's `statement_timeout` or a lock, or `SEEDBED_DEADLINE` passed
    while the database answered other requests. Filter or sort by a column with an index, or add an index.
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

    Usually a migration added the table or column after the privileges were granted. Grant them again with
    `seedbed db grant-reader`.
    """

    code = "SB612"
    status = 500

    def __init__(self) -> None:
        super().__init__(
            "The service's role may not read this.",
            remedy="Grant it what the models make public: seedbed db grant-reader",
        )


class RowSerializationFailure(ServiceError):
    """A computed field or a serializer of the model raised an exception on a row.

    The model's code receives public columns only. The service does not load relationships or private columns. Compute
    from public columns, or serve the table in `routes.py` with a session. The log contains the exception.
    """

    code = "SB618"
    status = 500

    def __init__(self, table: str) -> None:
        super().__init__(
            f"The model's own code failed on a row of {table}.",
            remedy="It can read public columns only; the log has the exception.",
        )


class NoLinkedRow(ServiceError):
    """The row exists, but the columns that refer to the linked row are NULL.

    For example, `/customers/1/referred_by` does not exist for a customer without a referrer. The service answers 404.
    """

    code = "SB619"
    status = 404

    def __init__(self, table: str, link: str, columns: Sequence[str]) -> None:
        null = f"{' and '.join(columns)} {'is' if len(columns) == 1 else 'are'} null"
        super().__init__(f"This {table} has no {link}.", remedy=f"This is not a mistake: its {null}.")


class PathNotFound(ServiceError):
    """No table and no custom route has this path.

    `/docs` lists all paths. Paths are case-sensitive and do not end with a slash. A private table or a table without a
    primary key has no path.
    """

    code = "SB620"
    status = 404

    def __init__(self) -> None:
        super().__init__("There is nothing at this path.", remedy="/docs lists all paths; none ends in a slash.")


class MethodNotAllowed(ServiceError):
    """The path exists, but it does not support this method.

    Tables support GET and HEAD. To write rows, add routes to the project's `routes.py`.
    """

    code = "SB621"
    status = 405

    def __init__(self) -> None:
        super().__init__("This path does not support that method.", remedy="The Allow header lists those it supports.")


class MalformedRequest(ServiceError):
    """The service received bytes that are not an HTTP request.

    Examples are an unknown method, a URL of more than 64 kB, and TLS on a port without TLS. The service answers 400 and
    closes the connection. Shorter URLs that are still too long cause [SB610](#sb610-urltoolong).
    """

    code = "SB623"
    status = 400

    def __init__(self, limit: int) -> None:
        super().__init__(
            "This is not a readable HTTP request.",
            remedy=f"Its method must be an HTTP method, and a URL here has at most {limit} bytes.",
        )
