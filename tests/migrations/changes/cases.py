"""The schema changes on which drafting is measured: each is drafted, proven, and drafted back again."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlmodel import AutoString, UTCDateTime

from seedbed.migrations.draft.decisions import Decisions
from seedbed.schema import hint
from tests.migrations.changes.world import PLAIN, Case, SampleSchema, change, col, make

COLOR = ("RED", "GREEN", "BLUE")
AGE_VIEW = "CREATE VIEW adult AS SELECT id, name, age FROM hero WHERE age > 17"
TOUCH = "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := upper(NEW.name); RETURN NEW; END $$"
TRIGGER = "CREATE TRIGGER hero_touch BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION touch()"
DOUBLE = "CREATE FUNCTION double(a integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT a * 2 $$"
PET = (
    col("id", sa.Integer, primary_key=True),
    col("hero_id", sa.BigInteger, fk=("hero.id", {"ondelete": "CASCADE"}), nullable=False, index=True),
    col("kind", sa.String(10)),
    make(sa.CheckConstraint, "kind IN ('cat', 'dog')", name="kind"),
    make(sa.UniqueConstraint, "hero_id", "kind"),
)
SERIAL = (col("id", sa.Integer, primary_key=True), col("note", sa.Text))
EVENTS = (
    col("id", sa.BigInteger, nullable=False),
    col("at", sa.Date, nullable=False),
    {"postgresql_partition_by": "RANGE (at)"},
)


def _hero(**parts: object) -> SampleSchema:
    return SampleSchema(hero=parts)  # type: ignore[arg-type]


def _enum(*labels: str, **options: object) -> SampleSchema:
    return _hero(color=col("color", sa.Enum(*labels, name="color"), **options))


def _sql(*statements: str) -> SampleSchema:
    return SampleSchema(sql=statements)


KEYED = (
    col("id", sa.Integer, primary_key=True, autoincrement=False),
    col("code", sa.Integer, nullable=False),
    make(sa.UniqueConstraint, "code", "id"),
)
KEYED_OTHERWISE = (
    col("id", sa.Integer, unique=True, nullable=False),
    col("code", sa.Integer, nullable=False),
    make(sa.PrimaryKeyConstraint, "code", "id"),
)
KEEPER = (col("id", sa.Integer, primary_key=True), col("thing_id", sa.Integer, fk="thing.id"))
ODD = {"ID": sa.Integer, "100%": sa.Integer, "a.b": sa.Text, 'say "hi"': sa.Text, "{x}": sa.Text, "$1": sa.Text}
MOOD = sa.Enum("gut", "schlecht", name="Laune-Typ")

TABLES = [
    change(
        "another primary key, where foreign keys need the old one's column",
        SampleSchema(tables={"thing": KEYED, "keeper": KEEPER}),
        SampleSchema(tables={"thing": KEYED_OTHERWISE, "keeper": KEEPER}),
    ),
    change(
        "add a table with a function of its rows",
        PLAIN,
        SampleSchema(
            tables={"note": SERIAL},
            sql=("CREATE FUNCTION shown(n note) RETURNS text LANGUAGE sql STABLE AS $$ SELECT upper(n.note) $$",),
        ),
    ),
    change(
        "add a table with names that mean something elsewhere",
        PLAIN,
        SampleSchema(tables={"100% {x}": [col(name, kind, primary_key=name == "ID") for name, kind in ODD.items()]}),
    ),
    change("add a table", PLAIN, SampleSchema(tables={"pet": PET})),
    change("add a table with a serial key", PLAIN, SampleSchema(tables={"note": SERIAL})),
    change("add a table in a new schema", PLAIN, SampleSchema(tables={"app.note": SERIAL})),
    change(
        "add two tables that refer to each other",
        PLAIN,
        SampleSchema(
            tables={
                "boss": (
                    col("id", sa.Integer, primary_key=True, autoincrement=False),
                    col("area_id", sa.Integer, fk=("area.id", {"use_alter": True, "name": "fk_boss_area"})),
                ),
                "area": (
                    col("id", sa.Integer, primary_key=True, autoincrement=False),
                    col("boss_id", sa.Integer, fk="boss.id"),
                ),
            }
        ),
    ),
    change(
        "add a tree",
        PLAIN,
        SampleSchema(tables={"node": (*SERIAL, col("parent_id", sa.Integer, fk="node.id", index=True))}),
    ),
    change(
        "add a link table with a composite key",
        PLAIN,
        SampleSchema(
            tables={
                "membership": (
                    col("hero_id", sa.BigInteger, fk="hero.id", primary_key=True),
                    col("team_id", sa.BigInteger, fk="team.id", primary_key=True),
                    col("since", sa.Date, server_default=sa.func.current_date()),
                )
            }
        ),
    ),
    change(
        "rename a table",
        PLAIN,
        SampleSchema(hero_table_name="champion", options={"info": hint(renamed_from="hero")}),
        reverse_decisions=Decisions(renames={"champion": "hero"}),
        needs_decision=True,
    ),
    change(
        "move a table to another schema",
        SampleSchema(tables={"note": SERIAL}),
        SampleSchema(tables={"app.note": (*SERIAL, {"info": hint(renamed_from="public.note")})}),
        reverse_decisions=Decisions(renames={"app.note": "note"}),
        needs_decision=True,
    ),
    change(
        "rename a table whose key is a serial",
        SampleSchema(tables={"note": SERIAL}),
        SampleSchema(tables={"remark": (*SERIAL, {"info": hint(renamed_from="note")})}),
        reverse_decisions=Decisions(renames={"remark": "note"}),
        needs_decision=True,
    ),
    change(
        "give a table's name to another one",
        SampleSchema(tables={"note": SERIAL, "draft": PET}),
        SampleSchema(
            tables={
                "old_note": (*SERIAL, {"info": hint(renamed_from="note")}),
                "note": (*PET, {"info": hint(renamed_from="draft")}),
            }
        ),
        reverse_decisions=Decisions(renames={"old_note": "note", "note": "draft"}),
        needs_decision=True,
    ),
    change(
        "add a table with a quoted name", PLAIN, SampleSchema(tables={"Order": (*SERIAL, col("Total $", sa.Numeric))})
    ),
    change(
        "make a table unlogged",
        SampleSchema(tables={"note": SERIAL}),
        SampleSchema(tables={"note": (*SERIAL, {"prefixes": []})}, sql=("ALTER TABLE note SET UNLOGGED",)),
    ),
    change("set a storage parameter", PLAIN, SampleSchema(options={"postgresql_with": {"fillfactor": 70}})),
    change("comment on a table", PLAIN, SampleSchema(options={"comment": "It's a hero: 100 % \\ true"})),
    change(
        "change a table's comment", SampleSchema(options={"comment": "one"}), SampleSchema(options={"comment": "two"})
    ),
    change(
        "add a table without columns but its key",
        PLAIN,
        SampleSchema(tables={"flag": (col("id", sa.Uuid, primary_key=True),)}),
    ),
]

COLUMNS = [
    change(
        "give a column's name to another one",
        _hero(title=col("title", sa.String(50), nullable=False)),
        SampleSchema(
            hero={
                "full": col("full_name", sa.String(50), nullable=False, info=hint(renamed_from="name")),
                "name": col("name", sa.String(50), nullable=False, info=hint(renamed_from="title")),
            }
        ),
        reverse_decisions=Decisions(renames={"hero.full_name": "hero.name", "hero.name": "hero.title"}),
        needs_decision=True,
    ),
    change(
        "move a column's values to another table",
        SampleSchema(team={"town": col("town", sa.Text, nullable=False)}),
        _hero(
            town=col(
                "town",
                sa.Text,
                nullable=False,
                info=hint(backfill="coalesce((SELECT t.town FROM team t WHERE t.id = team_id), '')"),
            )
        ),
        reverse_decisions=Decisions(backfills={"team.town": "coalesce((SELECT min(h.town) FROM hero h WHERE h.team_id = team.id), '')"}),
        needs_decision=True,
    ),
    change(
        "a key that others refer to becomes a text",
        SampleSchema(
            tables={
                "author": (col("id", sa.Integer, primary_key=True, autoincrement=False),),
                "book": (*SERIAL, col("by_id", sa.Integer, fk="author.id", index=True)),
            }
        ),
        SampleSchema(
            tables={
                "author": (col("id", sa.String(12), primary_key=True),),
                "book": (*SERIAL, col("by_id", sa.String(12), fk="author.id", index=True)),
            }
        ),
    ),
    change(
        "add tables of which one refers to a unique index of the other",
        PLAIN,
        SampleSchema(
            tables={
                "author": (*SERIAL, col("pen", sa.String(40), unique=True, index=True)),
                "book": (*SERIAL, col("by", sa.String(40), fk="author.pen")),
            }
        ),
    ),
    change(
        "a serial key becomes an identity",
        SampleSchema(tables={"note": SERIAL}),
        SampleSchema(tables={"note": (col("id", sa.Integer, sa.Identity(always=True), primary_key=True),)}),
    ),
    change(
        "drop a NOT NULL column of an enum with a quoted name",
        _hero(mood=col("mood", MOOD, nullable=False)),
        PLAIN,
        reverse_decisions=Decisions(backfills={"hero.mood": "'gut'"}),
    ),
    change(
        "rename a column that a function's text names",
        SampleSchema(sql=("CREATE FUNCTION shown(h hero) RETURNS text LANGUAGE sql STABLE AS $$ SELECT h.name $$",)),
        SampleSchema(
            hero={"name": col("title", sa.String(50), nullable=False)},
            sql=("CREATE FUNCTION shown(h hero) RETURNS text LANGUAGE sql STABLE AS $$ SELECT h.title $$",),
        ),
        decisions=Decisions(renames={"hero.name": "hero.title"}),
        reverse_decisions=Decisions(renames={"hero.title": "hero.name"}),
        needs_decision=True,
    ),
    change(
        "rename columns with dots in their names",
        _hero(x=col("a.b", sa.Text), y=col("c", sa.Integer)),
        _hero(x=col("d.e", sa.Text), y=col("f.g", sa.Integer)),
        decisions=Decisions(renames={"hero.a.b": "hero.d.e", "hero.c": "hero.f.g"}),
        reverse_decisions=Decisions(renames={"hero.d.e": "hero.a.b", "hero.f.g": "hero.c"}),
        needs_decision=True,
    ),
    change(
        "shorten two columns whose table has a name of 63 letters",
        SampleSchema(tables={"t" * 63: (*SERIAL, col("one", sa.String(30)), col("two", sa.String(30)))}),
        SampleSchema(tables={"t" * 63: (*SERIAL, col("one", sa.String(20)), col("two", sa.String(20)))}),
    ),
    change(
        "another type in a table with a quoted name",
        SampleSchema(tables={"Pet $": (*SERIAL, col("size", sa.Integer))}),
        SampleSchema(tables={"Pet $": (*SERIAL, col("size", sa.BigInteger))}),
    ),
    change("add a nullable column", PLAIN, _hero(bio=col("bio", sa.Text))),
    change("add a column with a default", PLAIN, _hero(rank=col("rank", sa.Integer, server_default="0", nullable=False))),
    change("add a column with a volatile default", PLAIN, _hero(token=col("token", sa.Uuid, server_default=sa.text("gen_random_uuid()"), nullable=False))),
    change("add a NOT NULL column with a Python default", PLAIN, _hero(rank=col("rank", sa.Integer, default=3, nullable=False))),
    change("add a NOT NULL text with a Python default", PLAIN, _hero(mood=col("mood", sa.String(20), default="it's: fine %", nullable=False))),
    change("add a NOT NULL bool with a Python default", PLAIN, _hero(ok=col("ok", sa.Boolean, default=False, nullable=False))),
    change("add a NOT NULL uuid made by uuid4", PLAIN, _hero(token=col("token", sa.Uuid, default=uuid.uuid4, nullable=False))),
    change("add a NOT NULL time made by now", PLAIN, _hero(seen=col("seen", sa.DateTime, default=datetime.now, nullable=False))),
    change(
        "add a NOT NULL column with a backfill",
        PLAIN,
        _hero(slug=col("slug", sa.Text, nullable=False, info=hint(backfill="lower(name) || '-' || id"))),
        needs_decision=True,
    ),
    change("add a unique nullable column", PLAIN, _hero(code=col("code", sa.String(8), unique=True))),
    change("add an indexed foreign key column", PLAIN, _hero(mentor=col("mentor_id", sa.BigInteger, fk="hero.id", index=True))),
    change("drop a column", _hero(bio=col("bio", sa.Text)), PLAIN),
    change("drop a NOT NULL column", _hero(rank=col("rank", sa.Integer, nullable=False)), PLAIN, reverse_decisions=Decisions(backfills={"hero.rank": "7"})),
    change("drop a NOT NULL column that is unique", _hero(code=col("code", sa.String(8), unique=True, nullable=False)), PLAIN, reverse_decisions=Decisions(backfills={"hero.code": "id::text"})),
    change("drop an indexed column", _hero(code=col("code", sa.String(8), index=True)), PLAIN),
    change(
        "rename a column",
        PLAIN,
        _hero(name=col("title", sa.String(50), nullable=False, info=hint(renamed_from="name"))),
        reverse_decisions=Decisions(renames={"hero.title": "hero.name"}),
        needs_decision=True,
    ),
    change(
        "rename a column and change its type",
        PLAIN,
        _hero(age=col("years", sa.BigInteger, info=hint(renamed_from="age"))),
        reverse_decisions=Decisions(renames={"hero.years": "hero.age"}),
        needs_decision=True,
    ),
    change(
        "drop a column though another looks like it",
        PLAIN,
        SampleSchema(hero={"age": None, "height": col("height", sa.Integer)}, options={"info": hint(dropped=("age",))}),
        reverse_decisions=Decisions(dropped=frozenset({"hero.height"})),
        needs_decision=True,
    ),
    change("forbid NULL where a default fills it", PLAIN, _hero(age=col("age", sa.Integer, server_default="18", nullable=False))),
    change("forbid NULL where a Python default fills it", PLAIN, _hero(age=col("age", sa.Integer, default=18, nullable=False))),
    change(
        "forbid NULL with a backfill",
        PLAIN,
        _hero(born=col("born", sa.Date, nullable=False, info=hint(backfill="DATE '2000-01-01'"))),
        needs_decision=True,
    ),
    change("allow NULL", PLAIN, _hero(name=col("name", sa.String(50)))),
    change("comment on a column", PLAIN, _hero(age=col("age", sa.Integer, comment="in years"))),
    change("add a column with a quoted name", PLAIN, _hero(odd=col("Odd Name", sa.Integer, index=True))),
]  # fmt: skip

TYPES = [
    change("integer to bigint", PLAIN, _hero(age=col("age", sa.BigInteger))),
    change("widen a varchar", PLAIN, _hero(name=col("name", sa.String(80), nullable=False))),
    change("varchar to text", PLAIN, _hero(name=col("name", sa.Text, nullable=False))),
    change("numeric of another scale", PLAIN, _hero(power=col("power", sa.Numeric(12, 4), server_default="1.5"))),
    change("varchar to integer", _hero(code=col("code", sa.String(20))), _hero(code=col("code", sa.Integer))),
    change("varchar to uuid", _hero(code=col("code", sa.String(40))), _hero(code=col("code", sa.Uuid))),
    change("text to date", _hero(day=col("day", sa.Text)), _hero(day=col("day", sa.Date))),
    change("text to jsonb", _hero(doc=col("doc", sa.Text)), _hero(doc=col("doc", pg.JSONB))),
    change("json to jsonb", _hero(doc=col("doc", sa.JSON)), _hero(doc=col("doc", pg.JSONB))),
    change("integer to text", PLAIN, _hero(age=col("age", sa.Text))),
    change("integer to boolean", _hero(on=col("is_on", sa.Integer)), _hero(on=col("is_on", sa.Boolean))),
    change("timestamp to timestamptz", _hero(at=col("at", sa.DateTime)), _hero(at=col("at", sa.DateTime(timezone=True)))),
    change("real to double precision", _hero(x=col("x", sa.REAL)), _hero(x=col("x", sa.Double))),
    change("scalar to array", PLAIN, _hero(age=col("age", pg.ARRAY(sa.Integer)))),
    change(
        "text to array by an expression",
        _hero(words=col("words", sa.Text)),
        _hero(words=col("words", pg.ARRAY(sa.Text), info=hint(using="string_to_array(words, ' ')"))),
        needs_decision=True,
    ),
    change("type of a column under a view", _sql(AGE_VIEW), SampleSchema(hero={"age": col("age", sa.BigInteger)}, sql=(AGE_VIEW,))),
    change(
        "type of a column under a chain of views",
        _sql(AGE_VIEW, "CREATE VIEW teen AS SELECT * FROM adult WHERE age < 20"),
        SampleSchema(hero={"age": col("age", sa.BigInteger)}, sql=(AGE_VIEW, "CREATE VIEW teen AS SELECT * FROM adult WHERE age < 20")),
    ),
    change(
        "type of a column in a policy",
        _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY old ON hero USING (age > 3)"),
        SampleSchema(hero={"age": col("age", sa.BigInteger)}, sql=("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY old ON hero USING (age > 3)")),
    ),
    change(
        "type of a key and of what refers to it",
        SampleSchema(tables={"part": SERIAL, "use": (*SERIAL, col("part_id", sa.Integer, fk="part.id"))}),
        SampleSchema(
            tables={
                "part": (col("id", sa.BigInteger, primary_key=True), col("note", sa.Text)),
                "use": (*SERIAL, col("part_id", sa.BigInteger, fk="part.id")),
            }
        ),
    ),
    change("collation", PLAIN, _hero(name=col("name", sa.String(50, collation="C"), nullable=False))),
    change("a type without words in SQLAlchemy", PLAIN, _hero(p=col("place", pg.TSVECTOR), q=col("path", pg.BIT(5)))),
    change("add a range", PLAIN, _hero(during=col("during", pg.TSTZRANGE))),
    change("add an interval and a time", PLAIN, _hero(a=col("length", sa.Interval), b=col("hour", sa.Time(timezone=True)))),
    change("add network addresses", PLAIN, _hero(a=col("ip", pg.INET), b=col("mac", pg.MACADDR))),
]  # fmt: skip

DEFAULTS = [
    change("add a default", PLAIN, _hero(age=col("age", sa.Integer, server_default="18"))),
    change("change a default", PLAIN, _hero(power=col("power", sa.Numeric(10, 2), server_default="2.5"))),
    change("drop a default", PLAIN, _hero(power=col("power", sa.Numeric(10, 2)))),
    change("a default that is a function", PLAIN, _hero(born=col("born", sa.Date, server_default=sa.text("CURRENT_DATE")))),
    change("a default with quotes and a colon", PLAIN, _hero(name=col("name", sa.String(50), nullable=False, server_default=sa.text("'it''s 12:30'")))),
    change("a default that is an empty array", PLAIN, _hero(tags=col("tags", pg.ARRAY(sa.Text), server_default="{}"))),
    change("a default that is a JSON object", PLAIN, _hero(doc=col("doc", pg.JSONB, server_default=sa.text("""'{"a": 1}'""")))),
]  # fmt: skip

ENUMS = [
    change("add an enum column", PLAIN, _enum(*COLOR)),
    change("add a label at the end", _enum("RED", "GREEN"), _enum("RED", "GREEN", "BLUE")),
    change("add a label in the middle", _enum("RED", "GREEN"), _enum("RED", "PINK", "GREEN")),
    change("add a label at the beginning", _enum("RED", "GREEN"), _enum("PINK", "RED", "GREEN")),
    change("add a label and use it as default", _enum("RED", server_default="RED"), _enum("RED", "PINK", server_default="PINK")),
    change(
        "add a label and use it in a check",
        _enum("RED"),
        SampleSchema(hero={"color": col("color", sa.Enum("RED", "PINK", name="color")), "ck": make(sa.CheckConstraint, "color <> 'PINK' OR age > 1", name="pink")}),
    ),
    change("remove a label", _enum(*COLOR, nullable=False, server_default="RED"), _enum("RED", "GREEN", nullable=False, server_default="RED")),
    change("put labels in another order", _enum(*COLOR), _enum("BLUE", "GREEN", "RED")),
    change(
        "rename a label",
        _enum("RED", "GREEN"),
        _enum("CRIMSON", "GREEN", info=hint(renamed_values={"RED": "CRIMSON"})),
        reverse_decisions=Decisions(renames={"color.CRIMSON": "color.RED"}),
        needs_decision=True,
    ),
    change("varchar to enum", _hero(color=col("color", sa.String(10))), _enum(*COLOR)),
    change("an array of an enum gains a label", _hero(c=col("c", pg.ARRAY(sa.Enum("RED", name="color")))), _hero(c=col("c", pg.ARRAY(sa.Enum("RED", "GREEN", name="color"))))),
    change("an enum that two columns have loses a label", _hero(a=col("a", sa.Enum(*COLOR, name="color")), b=col("b", sa.Enum(*COLOR, name="color"))), _hero(a=col("a", sa.Enum("RED", name="color")), b=col("b", sa.Enum("RED", name="color")))),
    change("an enum under a view and an index loses a label", SampleSchema(hero={"c": col("c", sa.Enum(*COLOR, name="color")), "ix": make(sa.Index, "ix_red", "name", postgresql_where=sa.text("c = 'RED'"))}, sql=("CREATE VIEW v AS SELECT c FROM hero",)), SampleSchema(hero={"c": col("c", sa.Enum("RED", "GREEN", name="color")), "ix": make(sa.Index, "ix_red", "name", postgresql_where=sa.text("c = 'RED'"))}, sql=("CREATE VIEW v AS SELECT c FROM hero",))),
    change("drop an enum column", _enum(*COLOR), PLAIN),
]  # fmt: skip

CONSTRAINTS = [
    change("add a unique constraint", PLAIN, _hero(uq=make(sa.UniqueConstraint, "name", "born"))),
    change("add a check", PLAIN, _hero(ck=make(sa.CheckConstraint, "age > -100", name="age"))),
    change("change a check", _hero(ck=make(sa.CheckConstraint, "age > -100", name="age")), _hero(ck=make(sa.CheckConstraint, "age > -200 AND age < 5000", name="age"))),
    change("drop a check", _hero(ck=make(sa.CheckConstraint, "age > -100", name="age")), PLAIN),
    change("a check with a regular expression", PLAIN, _hero(ck=make(sa.CheckConstraint, r"name !~ '^\d{9}:x%'", name="digits"))),
    change("add a foreign key", _hero(team_id=col("team_id", sa.BigInteger)), PLAIN),
    change("change a foreign key's action", PLAIN, _hero(team_id=col("team_id", sa.BigInteger, fk=("team.id", {"ondelete": "SET NULL"})))),
    change("make a foreign key deferrable", PLAIN, _hero(team_id=col("team_id", sa.BigInteger, fk=("team.id", {"deferrable": True, "initially": "DEFERRED"})))),
    change("drop a foreign key", PLAIN, _hero(team_id=col("team_id", sa.BigInteger))),
    change(
        "a key of two columns instead of one",
        SampleSchema(tables={"slot": (col("a", sa.Integer, primary_key=True, autoincrement=False), col("b", sa.Integer, nullable=False))}),
        SampleSchema(tables={"slot": (col("a", sa.Integer, primary_key=True, autoincrement=False), col("b", sa.Integer, primary_key=True, autoincrement=False))}),
    ),
    change("a composite foreign key", SampleSchema(tables={"slot": (col("a", sa.Integer, primary_key=True), col("b", sa.Integer, primary_key=True)), "use": (*SERIAL, col("a", sa.Integer), col("b", sa.Integer))}), SampleSchema(tables={"slot": (col("a", sa.Integer, primary_key=True), col("b", sa.Integer, primary_key=True)), "use": (*SERIAL, col("a", sa.Integer), col("b", sa.Integer), make(sa.ForeignKeyConstraint, ["a", "b"], ["slot.a", "slot.b"]))})),
    change("add an exclusion constraint", _hero(during=col("during", pg.INT4RANGE)), _hero(during=col("during", pg.INT4RANGE), ex=make(pg.ExcludeConstraint, (sa.column("during"), "&&"), name="ex_during"))),
    change("unique NULLS NOT DISTINCT", _hero(uq=make(sa.UniqueConstraint, "name", "age", "born")), _hero(uq=make(sa.UniqueConstraint, "name", "age", "born", postgresql_nulls_not_distinct=True))),
    change("rename a constraint", _hero(uq=make(sa.UniqueConstraint, "name", "age", "born", name="old_name")), _hero(uq=make(sa.UniqueConstraint, "name", "age", "born", name="new_name"))),
]  # fmt: skip

INDEXES = [
    change("add an index", PLAIN, _hero(ix=make(sa.Index, "ix_age", "age"))),
    change("drop an index", _hero(ix=make(sa.Index, "ix_age", "age")), PLAIN),
    change("add a partial index", PLAIN, _hero(ix=make(sa.Index, "ix_age", "age", postgresql_where=sa.text("age > 3")))),
    change("change an index's predicate", _hero(ix=make(sa.Index, "ix_age", "age", postgresql_where=sa.text("age > 3"))), _hero(ix=make(sa.Index, "ix_age", "age", postgresql_where=sa.text("age > 4")))),
    change("add an index on an expression", PLAIN, _hero(ix=make(sa.Index, "ix_lower", sa.text("lower(name)"), unique=False))),
    change("change an index's method", _hero(ix=make(sa.Index, "ix_age", "age")), _hero(ix=make(sa.Index, "ix_age", "age", postgresql_using="hash"))),
    change("include a column", _hero(ix=make(sa.Index, "ix_age", "age")), _hero(ix=make(sa.Index, "ix_age", "age", postgresql_include=["name"]))),
    change("change an operator class", _hero(ix=make(sa.Index, "ix_name", "name")), _hero(ix=make(sa.Index, "ix_name", "name", postgresql_ops={"name": "varchar_pattern_ops"}))),
    change("change the direction", _hero(ix=make(sa.Index, "ix_age", "age")), _hero(ix=make(sa.Index, "ix_age", sa.text("age DESC NULLS LAST")))),
    change("make an index unique", _hero(ix=make(sa.Index, "ix_nb", "name", "born", "age")), _hero(ix=make(sa.Index, "ix_nb", "name", "born", "age", unique=True))),
    change("a GIN index on an array", PLAIN, _hero(ix=make(sa.Index, "ix_tags", "tags", postgresql_using="gin"))),
    change("rename an index", _hero(ix=make(sa.Index, "ix_old", "age")), _hero(ix=make(sa.Index, "ix_new", "age"))),
    change("reorder the columns of an index", _hero(ix=make(sa.Index, "ix_two", "age", "born")), _hero(ix=make(sa.Index, "ix_two", "born", "age"))),
]  # fmt: skip

GENERATED = [
    change("add a generated column", PLAIN, _hero(twice=col("twice", sa.Integer, sa.Computed("age * 2", persisted=True)))),
    change("change a generating expression", _hero(twice=col("twice", sa.Integer, sa.Computed("age * 2", persisted=True), index=True)), _hero(twice=col("twice", sa.Integer, sa.Computed("age * 3", persisted=True), index=True))),
    change("a generated column becomes an ordinary one", _hero(twice=col("twice", sa.Integer, sa.Computed("age * 2", persisted=True))), _hero(twice=col("twice", sa.Integer))),
    change("a generated column follows its source's type", _hero(twice=col("twice", sa.Integer, sa.Computed("age * 2", persisted=True))), _hero(age=col("age", sa.BigInteger), twice=col("twice", sa.BigInteger, sa.Computed("age * 2", persisted=True)))),
    change("serial to identity", SampleSchema(tables={"note": SERIAL}), SampleSchema(tables={"note": (col("id", sa.Integer, sa.Identity(), primary_key=True), col("note", sa.Text))})),
    change("change an identity's options", SampleSchema(tables={"note": (col("id", sa.Integer, sa.Identity(), primary_key=True),)}), SampleSchema(tables={"note": (col("id", sa.Integer, sa.Identity(always=True, start=1000, increment=5, cache=10), primary_key=True),)})),
    change("serial to bigserial", SampleSchema(tables={"note": SERIAL}), SampleSchema(tables={"note": (col("id", sa.BigInteger, primary_key=True), col("note", sa.Text))})),
    change("identity on a column that has rows", SampleSchema(tables={"note": (col("id", sa.Integer, primary_key=True, autoincrement=False),)}), SampleSchema(tables={"note": (col("id", sa.Integer, sa.Identity(), primary_key=True),)})),
]  # fmt: skip

OBJECTS = [
    change("add a view", PLAIN, _sql(AGE_VIEW)),
    change("change a view", _sql(AGE_VIEW), _sql(AGE_VIEW.replace("17", "20").replace("age FROM", "age, born FROM"))),
    change("drop a view", _sql(AGE_VIEW), PLAIN),
    change("a view with options", PLAIN, _sql(AGE_VIEW.replace("adult AS", "adult WITH (security_barrier = true) AS"))),
    change("a column that a view gains", _sql(AGE_VIEW), SampleSchema(hero={"bio": col("bio", sa.Text)}, sql=("CREATE VIEW adult AS SELECT id, bio FROM hero",))),
    change("add a materialised view with an index", PLAIN, _sql("CREATE MATERIALIZED VIEW m AS SELECT id, age FROM hero", "CREATE UNIQUE INDEX ix_m ON m (id)")),
    change("type of a column under a materialised view", _sql("CREATE MATERIALIZED VIEW m AS SELECT id, age FROM hero", "CREATE INDEX ix_m ON m (age)"), SampleSchema(hero={"age": col("age", sa.BigInteger)}, sql=("CREATE MATERIALIZED VIEW m AS SELECT id, age FROM hero", "CREATE INDEX ix_m ON m (age)"))),
    change("add a function", PLAIN, _sql(DOUBLE)),
    change("change a function's body", _sql(DOUBLE), _sql(DOUBLE.replace("* 2", "* 2 + 0"))),
    change("change a function's result", _sql(DOUBLE), _sql(DOUBLE.replace("RETURNS integer", "RETURNS bigint"))),
    change("change a function's arguments", _sql(DOUBLE), _sql(DOUBLE.replace("(a integer)", "(a integer, b integer DEFAULT 3)"))),
    change("a function in a default and a check", PLAIN, SampleSchema(hero={"age": col("age", sa.Integer, server_default=sa.text("double(4)")), "ck": make(sa.CheckConstraint, "double(age) > -1000", name="double")}, sql=(DOUBLE,))),
    change("change the result of a function that a check uses", SampleSchema(hero={"ck": make(sa.CheckConstraint, "double(age) > -1000", name="double")}, sql=(DOUBLE,)), SampleSchema(hero={"ck": make(sa.CheckConstraint, "double(age) > -1000", name="double")}, sql=(DOUBLE.replace("RETURNS integer", "RETURNS bigint"),))),
    change("a procedure", PLAIN, _sql("CREATE PROCEDURE tidy() LANGUAGE sql AS $$ DELETE FROM hero WHERE false $$")),
    change("an aggregate", PLAIN, _sql("CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')")),
    change("add a trigger", PLAIN, _sql(TOUCH, TRIGGER)),
    change("change a trigger", _sql(TOUCH, TRIGGER), _sql(TOUCH, TRIGGER.replace("BEFORE INSERT", "BEFORE INSERT OR UPDATE OF name"))),
    change("disable a trigger", _sql(TOUCH, TRIGGER), _sql(TOUCH, TRIGGER, "ALTER TABLE hero DISABLE TRIGGER hero_touch")),
    change("drop a trigger and its function", _sql(TOUCH, TRIGGER), PLAIN),
    change("row level security", PLAIN, _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON hero FOR SELECT USING (age > 3)")),
    change("change a policy", _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON hero USING (age > 3)"), _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON hero AS RESTRICTIVE USING (age > 4) WITH CHECK (age > 5)")),
    change("force row level security", _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY"), _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "ALTER TABLE hero FORCE ROW LEVEL SECURITY")),
    change("add an extension and a column of its type", PLAIN, SampleSchema(hero={"nick": col("nick", pg.CITEXT)}, sql=("CREATE EXTENSION citext",))),
    change("add a domain", PLAIN, _hero(p=col("pos", pg.DOMAIN("positive", sa.Integer, check="VALUE > -1000")))),
    change("change a domain's check", _hero(p=col("pos", pg.DOMAIN("positive", sa.Integer, check="VALUE > -1000", constraint_name="low"))), _hero(p=col("pos", pg.DOMAIN("positive", sa.Integer, check="VALUE > -2000", constraint_name="low")))),
    change("change a domain's base type", _hero(p=col("pos", pg.DOMAIN("positive", sa.Integer))), _hero(p=col("pos", pg.DOMAIN("positive", sa.BigInteger)))),
    change("add a composite type", PLAIN, _sql("CREATE TYPE pair AS (x integer, y text)")),
    change("add a range type", PLAIN, _sql("CREATE TYPE span AS RANGE (subtype = double precision)")),
    change("add a sequence and use it", PLAIN, SampleSchema(hero={"no": col("no", sa.BigInteger, server_default=sa.text("nextval('numbers')"))}, declarations=(lambda m: sa.Sequence("numbers", increment=5, metadata=m),))),
    change("change a sequence", SampleSchema(declarations=(lambda m: sa.Sequence("numbers", increment=5, metadata=m),)), SampleSchema(declarations=(lambda m: sa.Sequence("numbers", increment=7, cache=20, metadata=m),))),
    change("add a partitioned table", PLAIN, SampleSchema(tables={"event": EVENTS}, sql=("CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('1960-01-01') TO ('2040-01-01')",))),
    change("add a partition", SampleSchema(tables={"event": EVENTS}, sql=("CREATE TABLE event_old PARTITION OF event FOR VALUES FROM ('1960-01-01') TO ('2024-01-01')",)), SampleSchema(tables={"event": EVENTS}, sql=("CREATE TABLE event_old PARTITION OF event FOR VALUES FROM ('1960-01-01') TO ('2024-01-01')", "CREATE TABLE event_new PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2040-01-01')"))),
    change("a table that inherits", PLAIN, _sql("CREATE TABLE sidekick (loyal boolean) INHERITS (hero)")),
    change("statistics on two columns", PLAIN, _sql("CREATE STATISTICS hero_stats ON name, born FROM hero")),
    change("a rule", PLAIN, _sql("CREATE RULE no_delete AS ON DELETE TO team WHERE OLD.id < 0 DO INSTEAD NOTHING")),
    change("grants on a table, a column and a function", PLAIN, _sql(DOUBLE, "GRANT SELECT ON hero TO seedbed_reader", "GRANT UPDATE (name) ON hero TO seedbed_reader", "REVOKE EXECUTE ON FUNCTION double FROM PUBLIC")),
    change("grant option", _sql("GRANT SELECT ON hero TO seedbed_reader"), _sql("GRANT SELECT, INSERT ON hero TO seedbed_reader WITH GRANT OPTION")),
    change("comments on everything", PLAIN, _sql(AGE_VIEW, DOUBLE, "COMMENT ON VIEW adult IS 'a view'", "COMMENT ON FUNCTION double IS 'a function'", "COMMENT ON CONSTRAINT pk_hero ON hero IS 'a key'", "COMMENT ON SCHEMA public IS 'ours'")),
]  # fmt: skip

OBJECTS += [
    change(
        "fill a column of a table whose trigger changes another",
        _sql(TOUCH, TRIGGER.replace("BEFORE INSERT", "BEFORE UPDATE")),
        SampleSchema(
            hero={"slug": col("slug", sa.Text, nullable=False, info=hint(backfill="lower(name)"))},
            sql=(TOUCH, TRIGGER.replace("BEFORE INSERT", "BEFORE UPDATE")),
        ),
        needs_decision=True,
    ),
]

SQLMODEL = [
    change("SQLModel's string", PLAIN, _hero(s=col("s", AutoString(30)))),
    change("SQLModel's time", PLAIN, _hero(s=col("s", UTCDateTime, server_default=sa.func.now(), nullable=False))),
    change("a TypeDecorator of the project's own", PLAIN, _hero(s=col("s", type("Upper", (sa.TypeDecorator,), {"impl": sa.String(12), "cache_ok": True})()))),
]  # fmt: skip

GROUPS: dict[str, list[Case]] = {
    "tables": TABLES,
    "columns": COLUMNS,
    "types": TYPES,
    "defaults": DEFAULTS,
    "enums": ENUMS,
    "constraints": CONSTRAINTS,
    "indexes": INDEXES,
    "generated": GENERATED,
    "objects": OBJECTS,
    "SQLModel": SQLMODEL,
}
CASES = [case for cases in GROUPS.values() for case in cases]
