"""The catalog of changes on which drafting is measured: each is drafted, proven, and drafted back again."""

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlmodel import AutoString, UTCDateTime

from seedbed.migrations.draft.decisions import Decisions
from seedbed.schema import hint
from tests.catalogue.world import PLAIN, Case, World, changed, col, make

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


def _hero(**parts: object) -> World:
    return World(hero=parts)  # type: ignore[arg-type]


def _enum(*labels: str, **options: object) -> World:
    return _hero(color=col("color", sa.Enum(*labels, name="color"), **options))


def _sql(*statements: str) -> World:
    return World(sql=statements)


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
    changed(
        "another primary key, where foreign keys need the old one's column",
        World(tables={"thing": KEYED, "keeper": KEEPER}),
        World(tables={"thing": KEYED_OTHERWISE, "keeper": KEEPER}),
    ),
    changed(
        "add a table with a function of its rows",
        PLAIN,
        World(
            tables={"note": SERIAL},
            sql=("CREATE FUNCTION shown(n note) RETURNS text LANGUAGE sql STABLE AS $$ SELECT upper(n.note) $$",),
        ),
    ),
    changed(
        "add a table with names that mean something elsewhere",
        PLAIN,
        World(tables={"100% {x}": [col(name, kind, primary_key=name == "ID") for name, kind in ODD.items()]}),
    ),
    changed("add a table", PLAIN, World(tables={"pet": PET})),
    changed("add a table with a serial key", PLAIN, World(tables={"note": SERIAL})),
    changed("add a table in a new schema", PLAIN, World(tables={"app.note": SERIAL})),
    changed(
        "add two tables that refer to each other",
        PLAIN,
        World(
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
    changed(
        "add a tree",
        PLAIN,
        World(tables={"node": (*SERIAL, col("parent_id", sa.Integer, fk="node.id", index=True))}),
    ),
    changed(
        "add a link table with a composite key",
        PLAIN,
        World(
            tables={
                "membership": (
                    col("hero_id", sa.BigInteger, fk="hero.id", primary_key=True),
                    col("team_id", sa.BigInteger, fk="team.id", primary_key=True),
                    col("since", sa.Date, server_default=sa.func.current_date()),
                )
            }
        ),
    ),
    changed(
        "rename a table",
        PLAIN,
        World(named="champion", options={"info": hint(renamed_from="hero")}),
        back=Decisions(renames={"champion": "hero"}),
        hinted=True,
    ),
    changed(
        "move a table to another schema",
        World(tables={"note": SERIAL}),
        World(tables={"app.note": (*SERIAL, {"info": hint(renamed_from="public.note")})}),
        back=Decisions(renames={"app.note": "note"}),
        hinted=True,
    ),
    changed(
        "rename a table whose key is a serial",
        World(tables={"note": SERIAL}),
        World(tables={"remark": (*SERIAL, {"info": hint(renamed_from="note")})}),
        back=Decisions(renames={"remark": "note"}),
        hinted=True,
    ),
    changed(
        "give a table's name to another one",
        World(tables={"note": SERIAL, "draft": PET}),
        World(
            tables={
                "old_note": (*SERIAL, {"info": hint(renamed_from="note")}),
                "note": (*PET, {"info": hint(renamed_from="draft")}),
            }
        ),
        back=Decisions(renames={"old_note": "note", "note": "draft"}),
        hinted=True,
    ),
    changed("add a table with a quoted name", PLAIN, World(tables={"Order": (*SERIAL, col("Total $", sa.Numeric))})),
    changed(
        "make a table unlogged",
        World(tables={"note": SERIAL}),
        World(tables={"note": (*SERIAL, {"prefixes": []})}, sql=("ALTER TABLE note SET UNLOGGED",)),
    ),
    changed("set a storage parameter", PLAIN, World(options={"postgresql_with": {"fillfactor": 70}})),
    changed("comment on a table", PLAIN, World(options={"comment": "It's a hero: 100 % \\ true"})),
    changed("change a table's comment", World(options={"comment": "one"}), World(options={"comment": "two"})),
    changed(
        "add a table without columns but its key",
        PLAIN,
        World(tables={"flag": (col("id", sa.Uuid, primary_key=True),)}),
    ),
]

COLUMNS = [
    changed(
        "give a column's name to another one",
        _hero(title=col("title", sa.String(50), nullable=False)),
        World(
            hero={
                "full": col("full_name", sa.String(50), nullable=False, info=hint(renamed_from="name")),
                "name": col("name", sa.String(50), nullable=False, info=hint(renamed_from="title")),
            }
        ),
        back=Decisions(renames={"hero.full_name": "hero.name", "hero.name": "hero.title"}),
        hinted=True,
    ),
    changed(
        "move a column's values to another table",
        World(team={"town": col("town", sa.Text, nullable=False)}),
        _hero(
            town=col(
                "town",
                sa.Text,
                nullable=False,
                info=hint(backfill="coalesce((SELECT t.town FROM team t WHERE t.id = team_id), '')"),
            )
        ),
        back=Decisions(backfills={"team.town": "coalesce((SELECT min(h.town) FROM hero h WHERE h.team_id = team.id), '')"}),
        hinted=True,
    ),
    changed(
        "a key that others refer to becomes a text",
        World(
            tables={
                "author": (col("id", sa.Integer, primary_key=True, autoincrement=False),),
                "book": (*SERIAL, col("by_id", sa.Integer, fk="author.id", index=True)),
            }
        ),
        World(
            tables={
                "author": (col("id", sa.String(12), primary_key=True),),
                "book": (*SERIAL, col("by_id", sa.String(12), fk="author.id", index=True)),
            }
        ),
    ),
    changed(
        "add tables of which one refers to a unique index of the other",
        PLAIN,
        World(
            tables={
                "author": (*SERIAL, col("pen", sa.String(40), unique=True, index=True)),
                "book": (*SERIAL, col("by", sa.String(40), fk="author.pen")),
            }
        ),
    ),
    changed(
        "a serial key becomes an identity",
        World(tables={"note": SERIAL}),
        World(tables={"note": (col("id", sa.Integer, sa.Identity(always=True), primary_key=True),)}),
    ),
    changed(
        "drop a NOT NULL column of an enum with a quoted name",
        _hero(mood=col("mood", MOOD, nullable=False)),
        PLAIN,
        back=Decisions(backfills={"hero.mood": "'gut'"}),
    ),
    changed(
        "rename a column that a function's text names",
        World(sql=("CREATE FUNCTION shown(h hero) RETURNS text LANGUAGE sql STABLE AS $$ SELECT h.name $$",)),
        World(
            hero={"name": col("title", sa.String(50), nullable=False)},
            sql=("CREATE FUNCTION shown(h hero) RETURNS text LANGUAGE sql STABLE AS $$ SELECT h.title $$",),
        ),
        words=Decisions(renames={"hero.name": "hero.title"}),
        back=Decisions(renames={"hero.title": "hero.name"}),
        hinted=True,
    ),
    changed(
        "rename columns with dots in their names",
        _hero(x=col("a.b", sa.Text), y=col("c", sa.Integer)),
        _hero(x=col("d.e", sa.Text), y=col("f.g", sa.Integer)),
        words=Decisions(renames={"hero.a.b": "hero.d.e", "hero.c": "hero.f.g"}),
        back=Decisions(renames={"hero.d.e": "hero.a.b", "hero.f.g": "hero.c"}),
        hinted=True,
    ),
    changed(
        "shorten two columns whose table has a name of 63 letters",
        World(tables={"t" * 63: (*SERIAL, col("one", sa.String(30)), col("two", sa.String(30)))}),
        World(tables={"t" * 63: (*SERIAL, col("one", sa.String(20)), col("two", sa.String(20)))}),
    ),
    changed(
        "another type in a table with a quoted name",
        World(tables={"Pet $": (*SERIAL, col("size", sa.Integer))}),
        World(tables={"Pet $": (*SERIAL, col("size", sa.BigInteger))}),
    ),
    changed("add a nullable column", PLAIN, _hero(bio=col("bio", sa.Text))),
    changed("add a column with a default", PLAIN, _hero(rank=col("rank", sa.Integer, server_default="0", nullable=False))),
    changed("add a column with a volatile default", PLAIN, _hero(token=col("token", sa.Uuid, server_default=sa.text("gen_random_uuid()"), nullable=False))),
    changed("add a NOT NULL column with a Python default", PLAIN, _hero(rank=col("rank", sa.Integer, default=3, nullable=False))),
    changed("add a NOT NULL text with a Python default", PLAIN, _hero(mood=col("mood", sa.String(20), default="it's: fine %", nullable=False))),
    changed("add a NOT NULL bool with a Python default", PLAIN, _hero(ok=col("ok", sa.Boolean, default=False, nullable=False))),
    changed("add a NOT NULL uuid made by uuid4", PLAIN, _hero(token=col("token", sa.Uuid, default=uuid.uuid4, nullable=False))),
    changed("add a NOT NULL time made by now", PLAIN, _hero(seen=col("seen", sa.DateTime, default=datetime.now, nullable=False))),
    changed(
        "add a NOT NULL column with a backfill",
        PLAIN,
        _hero(slug=col("slug", sa.Text, nullable=False, info=hint(backfill="lower(name) || '-' || id"))),
        hinted=True,
    ),
    changed("add a unique nullable column", PLAIN, _hero(code=col("code", sa.String(8), unique=True))),
    changed("add an indexed foreign key column", PLAIN, _hero(mentor=col("mentor_id", sa.BigInteger, fk="hero.id", index=True))),
    changed("drop a column", _hero(bio=col("bio", sa.Text)), PLAIN),
    changed("drop a NOT NULL column", _hero(rank=col("rank", sa.Integer, nullable=False)), PLAIN, back=Decisions(backfills={"hero.rank": "7"})),
    changed("drop a NOT NULL column that is unique", _hero(code=col("code", sa.String(8), unique=True, nullable=False)), PLAIN, back=Decisions(backfills={"hero.code": "id::text"})),
    changed("drop an indexed column", _hero(code=col("code", sa.String(8), index=True)), PLAIN),
    changed(
        "rename a column",
        PLAIN,
        _hero(name=col("title", sa.String(50), nullable=False, info=hint(renamed_from="name"))),
        back=Decisions(renames={"hero.title": "hero.name"}),
        hinted=True,
    ),
    changed(
        "rename a column and change its type",
        PLAIN,
        _hero(age=col("years", sa.BigInteger, info=hint(renamed_from="age"))),
        back=Decisions(renames={"hero.years": "hero.age"}),
        hinted=True,
    ),
    changed(
        "drop a column though another looks like it",
        PLAIN,
        World(hero={"age": None, "height": col("height", sa.Integer)}, options={"info": hint(dropped=("age",))}),
        back=Decisions(dropped=frozenset({"hero.height"})),
        hinted=True,
    ),
    changed("forbid NULL where a default fills it", PLAIN, _hero(age=col("age", sa.Integer, server_default="18", nullable=False))),
    changed("forbid NULL where a Python default fills it", PLAIN, _hero(age=col("age", sa.Integer, default=18, nullable=False))),
    changed(
        "forbid NULL with a backfill",
        PLAIN,
        _hero(born=col("born", sa.Date, nullable=False, info=hint(backfill="DATE '2000-01-01'"))),
        hinted=True,
    ),
    changed("allow NULL", PLAIN, _hero(name=col("name", sa.String(50)))),
    changed("comment on a column", PLAIN, _hero(age=col("age", sa.Integer, comment="in years"))),
    changed("add a column with a quoted name", PLAIN, _hero(odd=col("Odd Name", sa.Integer, index=True))),
]  # fmt: skip

TYPES = [
    changed("integer to bigint", PLAIN, _hero(age=col("age", sa.BigInteger))),
    changed("widen a varchar", PLAIN, _hero(name=col("name", sa.String(80), nullable=False))),
    changed("varchar to text", PLAIN, _hero(name=col("name", sa.Text, nullable=False))),
    changed("numeric of another scale", PLAIN, _hero(power=col("power", sa.Numeric(12, 4), server_default="1.5"))),
    changed("varchar to integer", _hero(code=col("code", sa.String(20))), _hero(code=col("code", sa.Integer))),
    changed("varchar to uuid", _hero(code=col("code", sa.String(40))), _hero(code=col("code", sa.Uuid))),
    changed("text to date", _hero(day=col("day", sa.Text)), _hero(day=col("day", sa.Date))),
    changed("text to jsonb", _hero(doc=col("doc", sa.Text)), _hero(doc=col("doc", pg.JSONB))),
    changed("json to jsonb", _hero(doc=col("doc", sa.JSON)), _hero(doc=col("doc", pg.JSONB))),
    changed("integer to text", PLAIN, _hero(age=col("age", sa.Text))),
    changed("integer to boolean", _hero(on=col("is_on", sa.Integer)), _hero(on=col("is_on", sa.Boolean))),
    changed("timestamp to timestamptz", _hero(at=col("at", sa.DateTime)), _hero(at=col("at", sa.DateTime(timezone=True)))),
    changed("real to double precision", _hero(x=col("x", sa.REAL)), _hero(x=col("x", sa.Double))),
    changed("scalar to array", PLAIN, _hero(age=col("age", pg.ARRAY(sa.Integer)))),
    changed(
        "text to array by an expression",
        _hero(words=col("words", sa.Text)),
        _hero(words=col("words", pg.ARRAY(sa.Text), info=hint(using="string_to_array(words, ' ')"))),
        hinted=True,
    ),
    changed("type of a column under a view", _sql(AGE_VIEW), World(hero={"age": col("age", sa.BigInteger)}, sql=(AGE_VIEW,))),
    changed(
        "type of a column under a chain of views",
        _sql(AGE_VIEW, "CREATE VIEW teen AS SELECT * FROM adult WHERE age < 20"),
        World(hero={"age": col("age", sa.BigInteger)}, sql=(AGE_VIEW, "CREATE VIEW teen AS SELECT * FROM adult WHERE age < 20")),
    ),
    changed(
        "type of a column in a policy",
        _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY old ON hero USING (age > 3)"),
        World(hero={"age": col("age", sa.BigInteger)}, sql=("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY old ON hero USING (age > 3)")),
    ),
    changed(
        "type of a key and of what refers to it",
        World(tables={"part": SERIAL, "use": (*SERIAL, col("part_id", sa.Integer, fk="part.id"))}),
        World(
            tables={
                "part": (col("id", sa.BigInteger, primary_key=True), col("note", sa.Text)),
                "use": (*SERIAL, col("part_id", sa.BigInteger, fk="part.id")),
            }
        ),
    ),
    changed("collation", PLAIN, _hero(name=col("name", sa.String(50, collation="C"), nullable=False))),
    changed("a type without words in SQLAlchemy", PLAIN, _hero(p=col("place", pg.TSVECTOR), q=col("path", pg.BIT(5)))),
    changed("add a range", PLAIN, _hero(during=col("during", pg.TSTZRANGE))),
    changed("add an interval and a time", PLAIN, _hero(a=col("length", sa.Interval), b=col("hour", sa.Time(timezone=True)))),
    changed("add network addresses", PLAIN, _hero(a=col("ip", pg.INET), b=col("mac", pg.MACADDR))),
]  # fmt: skip

DEFAULTS = [
    changed("add a default", PLAIN, _hero(age=col("age", sa.Integer, server_default="18"))),
    changed("change a default", PLAIN, _hero(power=col("power", sa.Numeric(10, 2), server_default="2.5"))),
    changed("drop a default", PLAIN, _hero(power=col("power", sa.Numeric(10, 2)))),
    changed("a default that is a function", PLAIN, _hero(born=col("born", sa.Date, server_default=sa.text("CURRENT_DATE")))),
    changed("a default with quotes and a colon", PLAIN, _hero(name=col("name", sa.String(50), nullable=False, server_default=sa.text("'it''s 12:30'")))),
    changed("a default that is an empty array", PLAIN, _hero(tags=col("tags", pg.ARRAY(sa.Text), server_default="{}"))),
    changed("a default that is a JSON object", PLAIN, _hero(doc=col("doc", pg.JSONB, server_default=sa.text("""'{"a": 1}'""")))),
]  # fmt: skip

ENUMS = [
    changed("add an enum column", PLAIN, _enum(*COLOR)),
    changed("add a label at the end", _enum("RED", "GREEN"), _enum("RED", "GREEN", "BLUE")),
    changed("add a label in the middle", _enum("RED", "GREEN"), _enum("RED", "PINK", "GREEN")),
    changed("add a label at the beginning", _enum("RED", "GREEN"), _enum("PINK", "RED", "GREEN")),
    changed("add a label and use it as default", _enum("RED", server_default="RED"), _enum("RED", "PINK", server_default="PINK")),
    changed(
        "add a label and use it in a check",
        _enum("RED"),
        World(hero={"color": col("color", sa.Enum("RED", "PINK", name="color")), "ck": make(sa.CheckConstraint, "color <> 'PINK' OR age > 1", name="pink")}),
    ),
    changed("remove a label", _enum(*COLOR, nullable=False, server_default="RED"), _enum("RED", "GREEN", nullable=False, server_default="RED")),
    changed("put labels in another order", _enum(*COLOR), _enum("BLUE", "GREEN", "RED")),
    changed(
        "rename a label",
        _enum("RED", "GREEN"),
        _enum("CRIMSON", "GREEN", info=hint(renamed_values={"RED": "CRIMSON"})),
        back=Decisions(renames={"color.CRIMSON": "color.RED"}),
        hinted=True,
    ),
    changed("varchar to enum", _hero(color=col("color", sa.String(10))), _enum(*COLOR)),
    changed("an array of an enum gains a label", _hero(c=col("c", pg.ARRAY(sa.Enum("RED", name="color")))), _hero(c=col("c", pg.ARRAY(sa.Enum("RED", "GREEN", name="color"))))),
    changed("an enum that two columns have loses a label", _hero(a=col("a", sa.Enum(*COLOR, name="color")), b=col("b", sa.Enum(*COLOR, name="color"))), _hero(a=col("a", sa.Enum("RED", name="color")), b=col("b", sa.Enum("RED", name="color")))),
    changed("an enum under a view and an index loses a label", World(hero={"c": col("c", sa.Enum(*COLOR, name="color")), "ix": make(sa.Index, "ix_red", "name", postgresql_where=sa.text("c = 'RED'"))}, sql=("CREATE VIEW v AS SELECT c FROM hero",)), World(hero={"c": col("c", sa.Enum("RED", "GREEN", name="color")), "ix": make(sa.Index, "ix_red", "name", postgresql_where=sa.text("c = 'RED'"))}, sql=("CREATE VIEW v AS SELECT c FROM hero",))),
    changed("drop an enum column", _enum(*COLOR), PLAIN),
]  # fmt: skip

CONSTRAINTS = [
    changed("add a unique constraint", PLAIN, _hero(uq=make(sa.UniqueConstraint, "name", "born"))),
    changed("add a check", PLAIN, _hero(ck=make(sa.CheckConstraint, "age > -100", name="age"))),
    changed("change a check", _hero(ck=make(sa.CheckConstraint, "age > -100", name="age")), _hero(ck=make(sa.CheckConstraint, "age > -200 AND age < 5000", name="age"))),
    changed("drop a check", _hero(ck=make(sa.CheckConstraint, "age > -100", name="age")), PLAIN),
    changed("a check with a regular expression", PLAIN, _hero(ck=make(sa.CheckConstraint, r"name !~ '^\d{9}:x%'", name="digits"))),
    changed("add a foreign key", _hero(team_id=col("team_id", sa.BigInteger)), PLAIN),
    changed("change a foreign key's action", PLAIN, _hero(team_id=col("team_id", sa.BigInteger, fk=("team.id", {"ondelete": "SET NULL"})))),
    changed("make a foreign key deferrable", PLAIN, _hero(team_id=col("team_id", sa.BigInteger, fk=("team.id", {"deferrable": True, "initially": "DEFERRED"})))),
    changed("drop a foreign key", PLAIN, _hero(team_id=col("team_id", sa.BigInteger))),
    changed(
        "a key of two columns instead of one",
        World(tables={"slot": (col("a", sa.Integer, primary_key=True, autoincrement=False), col("b", sa.Integer, nullable=False))}),
        World(tables={"slot": (col("a", sa.Integer, primary_key=True, autoincrement=False), col("b", sa.Integer, primary_key=True, autoincrement=False))}),
    ),
    changed("a composite foreign key", World(tables={"slot": (col("a", sa.Integer, primary_key=True), col("b", sa.Integer, primary_key=True)), "use": (*SERIAL, col("a", sa.Integer), col("b", sa.Integer))}), World(tables={"slot": (col("a", sa.Integer, primary_key=True), col("b", sa.Integer, primary_key=True)), "use": (*SERIAL, col("a", sa.Integer), col("b", sa.Integer), make(sa.ForeignKeyConstraint, ["a", "b"], ["slot.a", "slot.b"]))})),
    changed("add an exclusion constraint", _hero(during=col("during", pg.INT4RANGE)), _hero(during=col("during", pg.INT4RANGE), ex=make(pg.ExcludeConstraint, (sa.column("during"), "&&"), name="ex_during"))),
    changed("unique NULLS NOT DISTINCT", _hero(uq=make(sa.UniqueConstraint, "name", "age", "born")), _hero(uq=make(sa.UniqueConstraint, "name", "age", "born", postgresql_nulls_not_distinct=True))),
    changed("rename a constraint", _hero(uq=make(sa.UniqueConstraint, "name", "age", "born", name="old_name")), _hero(uq=make(sa.UniqueConstraint, "name", "age", "born", name="new_name"))),
]  # fmt: skip

INDEXES = [
    changed("add an index", PLAIN, _hero(ix=make(sa.Index, "ix_age", "age"))),
    changed("drop an index", _hero(ix=make(sa.Index, "ix_age", "age")), PLAIN),
    changed("add a partial index", PLAIN, _hero(ix=make(sa.Index, "ix_age", "age", postgresql_where=sa.text("age > 3")))),
    changed("change an index's predicate", _hero(ix=make(sa.Index, "ix_age", "age", postgresql_where=sa.text("age > 3"))), _hero(ix=make(sa.Index, "ix_age", "age", postgresql_where=sa.text("age > 4")))),
    changed("add an index on an expression", PLAIN, _hero(ix=make(sa.Index, "ix_lower", sa.text("lower(name)"), unique=False))),
    changed("change an index's method", _hero(ix=make(sa.Index, "ix_age", "age")), _hero(ix=make(sa.Index, "ix_age", "age", postgresql_using="hash"))),
    changed("include a column", _hero(ix=make(sa.Index, "ix_age", "age")), _hero(ix=make(sa.Index, "ix_age", "age", postgresql_include=["name"]))),
    changed("change an operator class", _hero(ix=make(sa.Index, "ix_name", "name")), _hero(ix=make(sa.Index, "ix_name", "name", postgresql_ops={"name": "varchar_pattern_ops"}))),
    changed("change the direction", _hero(ix=make(sa.Index, "ix_age", "age")), _hero(ix=make(sa.Index, "ix_age", sa.text("age DESC NULLS LAST")))),
    changed("make an index unique", _hero(ix=make(sa.Index, "ix_nb", "name", "born", "age")), _hero(ix=make(sa.Index, "ix_nb", "name", "born", "age", unique=True))),
    changed("a GIN index on an array", PLAIN, _hero(ix=make(sa.Index, "ix_tags", "tags", postgresql_using="gin"))),
    changed("rename an index", _hero(ix=make(sa.Index, "ix_old", "age")), _hero(ix=make(sa.Index, "ix_new", "age"))),
    changed("reorder the columns of an index", _hero(ix=make(sa.Index, "ix_two", "age", "born")), _hero(ix=make(sa.Index, "ix_two", "born", "age"))),
]  # fmt: skip

GENERATED = [
    changed("add a generated column", PLAIN, _hero(twice=col("twice", sa.Integer, sa.Computed("age * 2", persisted=True)))),
    changed("change a generating expression", _hero(twice=col("twice", sa.Integer, sa.Computed("age * 2", persisted=True), index=True)), _hero(twice=col("twice", sa.Integer, sa.Computed("age * 3", persisted=True), index=True))),
    changed("a generated column becomes an ordinary one", _hero(twice=col("twice", sa.Integer, sa.Computed("age * 2", persisted=True))), _hero(twice=col("twice", sa.Integer))),
    changed("a generated column follows its source's type", _hero(twice=col("twice", sa.Integer, sa.Computed("age * 2", persisted=True))), _hero(age=col("age", sa.BigInteger), twice=col("twice", sa.BigInteger, sa.Computed("age * 2", persisted=True)))),
    changed("serial to identity", World(tables={"note": SERIAL}), World(tables={"note": (col("id", sa.Integer, sa.Identity(), primary_key=True), col("note", sa.Text))})),
    changed("change an identity's options", World(tables={"note": (col("id", sa.Integer, sa.Identity(), primary_key=True),)}), World(tables={"note": (col("id", sa.Integer, sa.Identity(always=True, start=1000, increment=5, cache=10), primary_key=True),)})),
    changed("serial to bigserial", World(tables={"note": SERIAL}), World(tables={"note": (col("id", sa.BigInteger, primary_key=True), col("note", sa.Text))})),
    changed("identity on a column that has rows", World(tables={"note": (col("id", sa.Integer, primary_key=True, autoincrement=False),)}), World(tables={"note": (col("id", sa.Integer, sa.Identity(), primary_key=True),)})),
]  # fmt: skip

OBJECTS = [
    changed("add a view", PLAIN, _sql(AGE_VIEW)),
    changed("change a view", _sql(AGE_VIEW), _sql(AGE_VIEW.replace("17", "20").replace("age FROM", "age, born FROM"))),
    changed("drop a view", _sql(AGE_VIEW), PLAIN),
    changed("a view with options", PLAIN, _sql(AGE_VIEW.replace("adult AS", "adult WITH (security_barrier = true) AS"))),
    changed("a column that a view gains", _sql(AGE_VIEW), World(hero={"bio": col("bio", sa.Text)}, sql=("CREATE VIEW adult AS SELECT id, bio FROM hero",))),
    changed("add a materialised view with an index", PLAIN, _sql("CREATE MATERIALIZED VIEW m AS SELECT id, age FROM hero", "CREATE UNIQUE INDEX ix_m ON m (id)")),
    changed("type of a column under a materialised view", _sql("CREATE MATERIALIZED VIEW m AS SELECT id, age FROM hero", "CREATE INDEX ix_m ON m (age)"), World(hero={"age": col("age", sa.BigInteger)}, sql=("CREATE MATERIALIZED VIEW m AS SELECT id, age FROM hero", "CREATE INDEX ix_m ON m (age)"))),
    changed("add a function", PLAIN, _sql(DOUBLE)),
    changed("change a function's body", _sql(DOUBLE), _sql(DOUBLE.replace("* 2", "* 2 + 0"))),
    changed("change a function's result", _sql(DOUBLE), _sql(DOUBLE.replace("RETURNS integer", "RETURNS bigint"))),
    changed("change a function's arguments", _sql(DOUBLE), _sql(DOUBLE.replace("(a integer)", "(a integer, b integer DEFAULT 3)"))),
    changed("a function in a default and a check", PLAIN, World(hero={"age": col("age", sa.Integer, server_default=sa.text("double(4)")), "ck": make(sa.CheckConstraint, "double(age) > -1000", name="double")}, sql=(DOUBLE,))),
    changed("change the result of a function that a check uses", World(hero={"ck": make(sa.CheckConstraint, "double(age) > -1000", name="double")}, sql=(DOUBLE,)), World(hero={"ck": make(sa.CheckConstraint, "double(age) > -1000", name="double")}, sql=(DOUBLE.replace("RETURNS integer", "RETURNS bigint"),))),
    changed("a procedure", PLAIN, _sql("CREATE PROCEDURE tidy() LANGUAGE sql AS $$ DELETE FROM hero WHERE false $$")),
    changed("an aggregate", PLAIN, _sql("CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')")),
    changed("add a trigger", PLAIN, _sql(TOUCH, TRIGGER)),
    changed("change a trigger", _sql(TOUCH, TRIGGER), _sql(TOUCH, TRIGGER.replace("BEFORE INSERT", "BEFORE INSERT OR UPDATE OF name"))),
    changed("disable a trigger", _sql(TOUCH, TRIGGER), _sql(TOUCH, TRIGGER, "ALTER TABLE hero DISABLE TRIGGER hero_touch")),
    changed("drop a trigger and its function", _sql(TOUCH, TRIGGER), PLAIN),
    changed("row level security", PLAIN, _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON hero FOR SELECT USING (age > 3)")),
    changed("change a policy", _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON hero USING (age > 3)"), _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "CREATE POLICY own ON hero AS RESTRICTIVE USING (age > 4) WITH CHECK (age > 5)")),
    changed("force row level security", _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY"), _sql("ALTER TABLE hero ENABLE ROW LEVEL SECURITY", "ALTER TABLE hero FORCE ROW LEVEL SECURITY")),
    changed("add an extension and a column of its type", PLAIN, World(hero={"nick": col("nick", pg.CITEXT)}, sql=("CREATE EXTENSION citext",))),
    changed("add a domain", PLAIN, _hero(p=col("pos", pg.DOMAIN("positive", sa.Integer, check="VALUE > -1000")))),
    changed("change a domain's check", _hero(p=col("pos", pg.DOMAIN("positive", sa.Integer, check="VALUE > -1000", constraint_name="low"))), _hero(p=col("pos", pg.DOMAIN("positive", sa.Integer, check="VALUE > -2000", constraint_name="low")))),
    changed("change a domain's base type", _hero(p=col("pos", pg.DOMAIN("positive", sa.Integer))), _hero(p=col("pos", pg.DOMAIN("positive", sa.BigInteger)))),
    changed("add a composite type", PLAIN, _sql("CREATE TYPE pair AS (x integer, y text)")),
    changed("add a range type", PLAIN, _sql("CREATE TYPE span AS RANGE (subtype = double precision)")),
    changed("add a sequence and use it", PLAIN, World(hero={"no": col("no", sa.BigInteger, server_default=sa.text("nextval('numbers')"))}, others=(lambda m: sa.Sequence("numbers", increment=5, metadata=m),))),
    changed("change a sequence", World(others=(lambda m: sa.Sequence("numbers", increment=5, metadata=m),)), World(others=(lambda m: sa.Sequence("numbers", increment=7, cache=20, metadata=m),))),
    changed("add a partitioned table", PLAIN, World(tables={"event": EVENTS}, sql=("CREATE TABLE event_2024 PARTITION OF event FOR VALUES FROM ('1960-01-01') TO ('2040-01-01')",))),
    changed("add a partition", World(tables={"event": EVENTS}, sql=("CREATE TABLE event_old PARTITION OF event FOR VALUES FROM ('1960-01-01') TO ('2024-01-01')",)), World(tables={"event": EVENTS}, sql=("CREATE TABLE event_old PARTITION OF event FOR VALUES FROM ('1960-01-01') TO ('2024-01-01')", "CREATE TABLE event_new PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2040-01-01')"))),
    changed("a table that inherits", PLAIN, _sql("CREATE TABLE sidekick (loyal boolean) INHERITS (hero)")),
    changed("statistics on two columns", PLAIN, _sql("CREATE STATISTICS hero_stats ON name, born FROM hero")),
    changed("a rule", PLAIN, _sql("CREATE RULE no_delete AS ON DELETE TO team WHERE OLD.id < 0 DO INSTEAD NOTHING")),
    changed("grants on a table, a column and a function", PLAIN, _sql(DOUBLE, "GRANT SELECT ON hero TO seedbed_reader", "GRANT UPDATE (name) ON hero TO seedbed_reader", "REVOKE EXECUTE ON FUNCTION double FROM PUBLIC")),
    changed("grant option", _sql("GRANT SELECT ON hero TO seedbed_reader"), _sql("GRANT SELECT, INSERT ON hero TO seedbed_reader WITH GRANT OPTION")),
    changed("comments on everything", PLAIN, _sql(AGE_VIEW, DOUBLE, "COMMENT ON VIEW adult IS 'a view'", "COMMENT ON FUNCTION double IS 'a function'", "COMMENT ON CONSTRAINT pk_hero ON hero IS 'a key'", "COMMENT ON SCHEMA public IS 'ours'")),
]  # fmt: skip

OBJECTS += [
    changed(
        "fill a column of a table whose trigger changes another",
        _sql(TOUCH, TRIGGER.replace("BEFORE INSERT", "BEFORE UPDATE")),
        World(
            hero={"slug": col("slug", sa.Text, nullable=False, info=hint(backfill="lower(name)"))},
            sql=(TOUCH, TRIGGER.replace("BEFORE INSERT", "BEFORE UPDATE")),
        ),
        hinted=True,
    ),
]

SQLMODEL = [
    changed("SQLModel's string", PLAIN, _hero(s=col("s", AutoString(30)))),
    changed("SQLModel's time", PLAIN, _hero(s=col("s", UTCDateTime, server_default=sa.func.now(), nullable=False))),
    changed("a TypeDecorator of the project's own", PLAIN, _hero(s=col("s", type("Upper", (sa.TypeDecorator,), {"impl": sa.String(12), "cache_ok": True})()))),
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
