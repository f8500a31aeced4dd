"""Which names look like secrets, and which tables and columns are public."""

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text

from seedbed.service.queries.visibility import is_secret_name, is_table_public, list_public_columns

pytestmark = pytest.mark.unit

SECRET = [
    "password", "hashed_password", "password_hash", "passwordhash", "hashedPassword", "PASSWORD", "password2",
    "user_passwords", "passwd", "pwd", "pass", "passphrase", "secret", "client_secret", "clientSecret", "secrets",
    "token", "tokens", "access_token", "refreshToken", "authtoken", "api_key", "apiKey", "apikey", "api_keys",
    "private_key", "signing_key", "encryption_key", "salt", "hash", "hashes", "content_hash", "otp", "totp_seed", "pin",
    "pin_code", "pincode", "recovery_codes", "backup_code", "credentials", "ssn", "cvv",
]  # fmt: skip
OPEN = [
    "id", "email", "title", "description", "is_completed", "user_id", "created_at", "is_active", "key", "public_key_id",
    "primary_key", "code", "country_code", "zip_code", "passenger", "compass", "passport_country", "pinned", "spinning",
    "hashtag", "saltiness", "basalt", "secretary_id", "keys", "opinion", "shipping",
]  # fmt: skip


def table(name: str, *columns: Column[object]) -> Table:
    return Table(name, MetaData(), *columns)


class TestIsSecretName:
    @pytest.mark.parametrize("name", SECRET)
    def test_recognizes_names_of_secrets(self, name: str) -> None:
        assert is_secret_name(name)

    @pytest.mark.parametrize("name", OPEN)
    def test_accepts_other_names(self, name: str) -> None:
        assert not is_secret_name(name)


class TestListPublicColumns:
    def test_omits_secret_names_unless_the_model_sets_public(self) -> None:
        user = table(
            "user",
            Column("id", Integer, primary_key=True),
            Column("hashed_password", Text),
            Column("token_count", Integer, info={"public": True}),
            Column("notes", Text, info={"public": False}),
        )

        assert [column.name for column in list_public_columns(user)] == ["id", "token_count"]


class TestIsTablePublic:
    def test_is_true_of_an_ordinary_table(self) -> None:
        assert is_table_public(table("user", Column("id", Integer, primary_key=True)))

    def test_is_false_of_a_table_of_secrets(self) -> None:
        assert not is_table_public(table("access_token", Column("id", Integer, primary_key=True)))

    def test_is_false_where_the_key_is_a_secret(self) -> None:
        assert not is_table_public(table("login", Column("session_token", Text, primary_key=True)))

    def test_the_tables_info_takes_precedence(self) -> None:
        columns = Column("id", Integer, primary_key=True)

        assert is_table_public(Table("token", MetaData(), columns, info={"public": True}))
