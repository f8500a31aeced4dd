"""User-defined types: enums, domains, composite and range types created, altered and dropped."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import Composite, Domain, Enum
from seedbed.postgres.quoting import quote_identifier, quote_literal, quote_qualified

UserType = Enum | Domain | Composite


def create(user_type: UserType, *, name: str | None = None) -> list[Statement]:
    type_name = quote_qualified(user_type.schema, name or user_type.name)
    match user_type:
        case Enum():
            return [Statement(f"CREATE TYPE {type_name} AS ENUM ({', '.join(map(quote_literal, user_type.labels))})")]
        case Composite():
            return [Statement(f"CREATE TYPE {type_name} AS {user_type.definition}")]
        case Domain():
            parts = [f"CREATE DOMAIN {type_name} AS {user_type.type}"]
            parts += [f"COLLATE {user_type.collation}"] if user_type.collation else []
            parts += [f"DEFAULT {user_type.default}"] if user_type.default is not None else []
            parts += ["NOT NULL"] if user_type.not_null else []
            parts += [
                f"CONSTRAINT {quote_identifier(check_name)} {definition}" for check_name, definition in user_type.checks
            ]
            return [Statement(" ".join(parts))]


def drop(user_type: UserType) -> list[Statement]:
    type_keyword = "DOMAIN" if isinstance(user_type, Domain) else "TYPE"
    return [Statement(f"DROP {type_keyword} {quote_qualified(user_type.schema, user_type.name)}")]


def alter_domain(old: Domain, new: Domain) -> list[Statement] | None:
    """Alter a domain, or None where its base type changes, so that it must be replaced."""
    if (old.type, old.collation) != (new.type, new.collation):
        return None
    head = f"ALTER DOMAIN {quote_qualified(new.schema, new.name)}"
    before, after = dict(old.checks), dict(new.checks)
    statements = [f"{head} DROP CONSTRAINT {quote_identifier(t)}" for t, d in old.checks if after.get(t) != d]
    if old.default != new.default:
        statements.append(f"{head} SET DEFAULT {new.default}" if new.default is not None else f"{head} DROP DEFAULT")
    if old.not_null != new.not_null:
        statements.append(f"{head} {'SET' if new.not_null else 'DROP'} NOT NULL")
    statements += [f"{head} ADD CONSTRAINT {quote_identifier(t)} {d}" for t, d in new.checks if before.get(t) != d]
    return [Statement(sql) for sql in statements]


def add_labels(old: Enum, new: Enum) -> list[Statement] | None:
    """Add labels to an enum, or None where labels were removed or reordered."""
    kept_labels = [label for label in new.labels if label in old.labels]
    if kept_labels != list(old.labels):
        return None
    statements = []
    for position, label in enumerate(new.labels):
        if label in old.labels:
            continue
        if position:
            position_clause = f" AFTER {quote_literal(new.labels[position - 1])}"
        else:
            position_clause = f" BEFORE {quote_literal(old.labels[0])}" if old.labels else ""
        statements.append(
            f"ALTER TYPE {quote_qualified(new.schema, new.name)} ADD VALUE {quote_literal(label)}{position_clause}"
        )
    return [Statement(sql) for sql in statements]
