"""A database's URL read as libpq reads it, and written again."""

import copy
import pickle
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from seedbed.settings import DatabaseUrl, MalformedUrl, parse_url

pytestmark = pytest.mark.unit

seeded = settings(derandomize=True, max_examples=200, deadline=None)
NEON = "ep-cool-1-pooler.eu-central-1.aws.neon.tech"
HOSTS = st.sampled_from(["localhost", "db.example.com", "127.0.0.1", "::1", "fe80::1%eth0", "/run/my db", "@abstract"])
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
PORTS = st.integers(1, 65535).map(str)


@st.composite
def urls(draw: st.DrawFn) -> DatabaseUrl:
    hosts = draw(st.lists(HOSTS, max_size=3))
    ports = draw(
        st.none() | PORTS | st.lists(PORTS, min_size=len(hosts), max_size=len(hosts), unique=True).map(",".join)
    )
    return DatabaseUrl(
        draw(st.none() | TEXT),
        draw(st.none() | TEXT | st.just("")),
        ",".join(hosts) or None,
        ports or None,
        draw(st.none() | TEXT),
        parameters=draw(st.lists(st.tuples(st.sampled_from(["options", "sslpassword", "sslrootcert"]), TEXT))),
    )


REFUSED = {
    "it does not begin with postgresql://": ["mysql://app:pw@db/shop", "host=db password=pw", ""],
    "it begins with a quote; quotes are removed only in .env files": ["'postgresql://app:pw@db/shop'"],
    "a / or ? in the user or password must be written %2F or %3F, and an @ after them %40": [
        "postgresql://app:p/w@db/shop",
        "postgresql://app:12/w@db/shop",
        "postgresql://app:12?w@db/shop",
        "postgresql://app:12?w=3@db/shop",
        "postgresql://app:p@1/w@db/shop",
    ],
    "the host or the port is invalid": [
        "postgresql://app:pw@db:port/shop",
        "postgresql://app:pw@[::1/shop",
        "postgresql://app:pw@d b/shop",
    ],
    "the host is invalid": ["postgresql://app:pw@d%0Ab/shop"],
    "the port is not a number from 1 to 65535": [
        "postgresql://app:pw@db:0/shop",
        "postgresql://app:pw@db:65536/shop",
        f"postgresql://app:pw@db:{'9' * 5000}/shop",
        "postgresql://db/shop?port=\N{ARABIC-INDIC DIGIT FIVE}",
    ],
    "the numbers of hosts and ports differ": ["postgresql:///shop?host=a,b&port=1,2,3"],
    "after the ?, write name=value pairs joined by &": ["postgresql://db/shop?password"],
    "parameter 1 after the ? is not a connection parameter of PostgreSQL": ["postgresql://db/shop?autocommit=1"],
    "parameter 2 after the ? is not a connection parameter of PostgreSQL; did you mean password": [
        "postgresql://db/shop?sslmode=require&pasword=x"
    ],
    "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full": [
        "postgresql://db/shop?sslmode=on"
    ],
    "connect_timeout is not a number": ["postgresql://db/shop?connect_timeout=soon"],
    "it is not valid UTF-8": [
        "postgresql://app:%ff@db/shop",
        "postgresql://app:a%00b@db/shop",
        "postgresql://app:a\udcffb@db/shop",
    ],
}


def reason_of(text: str) -> str:
    try:
        parse_url(text)
    except MalformedUrl as refused:
        return str(refused)
    return ""


class TestParseUrl:
    @seeded
    @given(urls())
    def test_reads_what_reveal_writes(self, url: DatabaseUrl) -> None:
        read = parse_url(url.reveal())

        assert read.connect_arguments() == url.connect_arguments()
        assert read.reveal() == url.reveal()

    @seeded
    @given(TEXT, TEXT, TEXT)
    def test_reads_any_user_password_and_database(self, user: str, password: str, database: str) -> None:
        url = DatabaseUrl(user, password, "db.example.com", "5433", database)

        assert parse_url(url.reveal()) == url

    @seeded
    @given(st.text(string.printable, max_size=60))
    def test_refuses_a_text_without_repeating_it(self, text: str) -> None:
        said = reason_of(f"postgresql://{text}")

        assert not any(text[i : i + 8] in said for i in range(len(text) - 7))

    @pytest.mark.parametrize(
        "scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg2", "POSTGRES"]
    )
    def test_drops_the_scheme_and_its_driver(self, scheme: str) -> None:
        assert parse_url(f"{scheme}://app:pw@db/shop").reveal() == "postgresql://app:pw@db/shop"

    def test_reads_several_hosts(self) -> None:
        url = parse_url("postgresql://app:pw@one:5432,two:5433/shop?target_session_attrs=read-write")

        assert url.connect_arguments() == {
            "user": "app",
            "password": "pw",
            "host": "one,two",
            "port": "5432,5433",
            "dbname": "shop",
            "target_session_attrs": "read-write",
        }
        assert url.address == "one:5432,two:5433/shop"

    def test_reads_an_ipv6_address(self) -> None:
        url = parse_url("postgresql://app@[::1]:5433/shop")

        assert (url.host, url.port, url.address) == ("::1", "5433", "[::1]:5433/shop")

    @pytest.mark.parametrize(
        "text", ["postgresql://%2Frun%2Fpostgresql/shop", "postgresql:///shop?host=/run/postgresql"]
    )
    def test_reads_a_folder_of_sockets(self, text: str) -> None:
        url = parse_url(text)

        assert url.connect_arguments() == {"host": "/run/postgresql", "dbname": "shop"}
        assert url.is_local

    def test_reads_nothing_but_a_database(self) -> None:
        assert parse_url("postgresql:///shop").connect_arguments() == {"dbname": "shop"}

    def test_takes_user_and_password_from_the_parameters(self) -> None:
        url = parse_url("postgresql://db/shop?user=me@corp&password=p@ss%20word&sslmode=require")

        assert url == DatabaseUrl("me@corp", "p@ss word", "db", None, "shop", parameters=[("sslmode", "require")])

    def test_takes_signs_in_a_password_as_they_stand(self) -> None:
        assert parse_url("postgresql://app:50%@#$ :x@db/shop").password == "50%@#$ :x"

    def test_takes_ssl_as_libpq_does(self) -> None:
        assert parse_url("postgresql://db/shop?ssl=true").parameter("sslmode") == "require"

    @pytest.mark.parametrize(
        ("reason", "text"), [(reason, text) for reason, texts in REFUSED.items() for text in texts]
    )
    def test_says_what_cannot_be_read(self, reason: str, text: str) -> None:
        with pytest.raises(MalformedUrl) as refused:
            parse_url(text)

        assert str(refused.value) == reason
        assert refused.value.__context__ is None


class TestDatabaseUrl:
    def test_is_shown_without_what_may_be_a_secret(self) -> None:
        url = parse_url("postgresql://app:hunter2@db:5433/shop?sslmode=require&sslpassword=x&options=-cy")

        masked = "postgresql://app:***@db:5433/shop?sslmode=require&sslpassword=***&options=***"
        assert str(url) == f"{url}" == url.masked == masked
        assert repr(url) == f"DatabaseUrl('{masked}')"

    def test_is_dumped_masked(self) -> None:
        class Holder(BaseModel):
            url: DatabaseUrl

        holder = Holder(url=parse_url("postgresql://app:hunter2@db/shop"))

        assert holder.model_dump_json() == '{"url":"postgresql://app:***@db/shop"}'
        assert "hunter2" not in f"{holder.model_dump()} {holder!r}"

    def test_is_not_pickled(self) -> None:
        with pytest.raises(TypeError, match="a database URL is not pickled, since it may hold a password"):
            pickle.dumps(parse_url("postgresql://app:hunter2@db/shop"))

    def test_is_not_changed(self) -> None:
        url = parse_url("postgresql://app:hunter2@db/shop")

        with pytest.raises(AttributeError, match="password of a database URL is not changed"):
            url.password = None
        with pytest.raises(AttributeError, match="password of a database URL is not deleted"):
            del url.password
        assert copy.deepcopy(url) is copy.copy(url) is url

    def test_is_equal_to_another_of_the_same_parts(self) -> None:
        one, same, other = (parse_url(f"postgresql://app:{password}@db/shop") for password in ("a", "a", "b"))

        assert {one, same, other} == {one, other}
        assert one != one.reveal()

    def test_is_changed_into_another(self) -> None:
        url = parse_url("postgresql://app:pw@db/shop?sslmode=require")

        changed = url.with_database("other").with_parameter("sslmode", "verify-full")

        assert changed.reveal() == "postgresql://app:pw@db/other?sslmode=verify-full"

    def test_is_named_for_its_user_without_a_database(self) -> None:
        assert parse_url("postgresql://app@db").name == "app"

    @pytest.mark.parametrize(
        ("text", "local"),
        [
            ("postgresql:///shop", True),
            ("postgresql://localhost/shop", True),
            ("postgresql://127.8.8.8/shop", True),
            ("postgresql://[::1]/shop", True),
            ("postgresql://localhost,db.example.com/shop", False),
            ("postgresql://10.0.0.1/shop", False),
            ("postgresql://localhost/shop?hostaddr=10.0.0.1", False),
            ("postgresql://127.0.0.1.example.com/shop", False),
        ],
    )
    def test_knows_whether_it_leaves_the_machine(self, text: str, local: bool) -> None:
        assert parse_url(text).is_local is local

    def test_of_neons_pooler_has_a_direct_one(self) -> None:
        copied = f"postgresql://app:pw@{NEON}/shop?sslmode=require&channel_binding=require"

        url = parse_url(copied)

        assert url.reveal() == copied
        assert url.is_neon_pooler
        assert url.direct.reveal() == copied.replace("-pooler", "")
        assert url.direct.direct == url.direct
