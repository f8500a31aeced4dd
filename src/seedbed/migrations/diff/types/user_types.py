"""Types of the user's own: enums, domains, composites and ranges."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import Composite, Domain, Enum
from seedbed.postgres.quoting import quote_identifier, quote_literal, quote_qualified

UserType = Enum | Domain | Composite


def create(found: UserType, *, called: str | None = None) -> list[Statement]:
    full = quote_qualified(found.schema, called or found.name)
    match found:
        case Enum():
            return [Statement(f"CREATE TYPE {full} AS ENUM ({', '.join(map(quote_literal, found.labels))})")]
        case Composite():
            return [Statement(f"CREATE TYPE {full} AS {found.definition}")]
        case Domain():
            parts = [f"CREATE DOMAIN {full} AS {found.type}"]
            parts += [f"COLLATE {found.collation}"] if found.collation else []
            parts += [f"DEFAULT {found.default}"] if found.default is not None else []
            parts += ["NOT NULL"] if found.not_null else []
            parts += [f"CONSTRAINT {quote_identifier(title)} {definition}" for title, definition in found.checks]
            return [Statement(" ".join(parts))]


def drop(found: UserType) -> list[Statement]:
    kind = "DOMAIN" if isinstance(found, Domain) else "TYPE"
    return [Statement(f"DROP {kind} {quote_qualified(found.schema, found.name)}")]


def alter_domain(old: Domain, new: Domain) -> list[Statement] | None:
    """A domain changed in place, or None where its base type differs, so that it has to be made anew."""
    if (old.type, old.collation) != (new.type, new.collation):
        return None
    head = f"ALTER DOMAIN {quote_qualified(new.schema, new.name)}"
    before, after = dict(old.checks), dict(new.checks)
    said = [f"{head} DROP CONSTRAINT {quote_identifier(t)}" for t, d in old.checks if after.get(t) != d]
    if old.default != new.default:
        said.append(f"{head} SET DEFAULT {new.default}" if new.default is not None else f"{head} DROP DEFAULT")
    if old.not_null != new.not_null:
        said.append(f"{head} {'SET' if new.not_null else 'DROP'} NOT NULL")
    said += [f"{head} ADD CONSTRAINT {quote_identifier(t)} {d}" for t, d in new.checks if before.get(t) != d]
    return [Statement(sql) for sql in said]


def add_labels(old: Enum, new: Enum) -> list[Statement] | None:
    """The steps that add labels where they belong, or None where some went, or the order of the others changed."""
    kept = [label for label in new.labels if label in old.labels]
    if kept != list(old.labels):
        return None
    said = []
    for position, label in enumerate(new.labels):
        if label in old.labels:
            continue
        if position:
            place = f" AFTER {quote_literal(new.labels[position - 1])}"
        else:
            place = f" BEFORE {quote_literal(old.labels[0])}" if old.labels else ""
        said.append(f"ALTER TYPE {quote_qualified(new.schema, new.name)} ADD VALUE {quote_literal(label)}{place}")
    return [Statement(sql) for sql in said]
