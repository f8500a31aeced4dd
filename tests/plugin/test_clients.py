"""The `client` fixture."""

from tests.plugin.conftest import Shop


class TestClient:
    def test_finds_rows_of_the_test(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            def test_in_its_transaction(client, make, db):
                ada = make(User, email="ada@example.com")
                assert client.get(f"/users/{ada.id}").json()["email"] == "ada@example.com"
                db.add(User(email="eve@example.com"))
                assert len(client.get("/users").json()) == USERS + 2
                assert client.get("/users/4711").status_code == 404
                assert client.get("/health/ready").status_code == 200
                assert users(db) == USERS + 2

            def test_nothing_of_another_test(client):
                assert len(client.get("/users").json()) == USERS

            @pytest.mark.db("own")
            def test_with_its_own_pool(client, make, db):
                ada = make(User, email="ada@example.com")
                assert client.get(f"/users/{ada.id}").status_code == 404
                db.commit()
                assert client.get(f"/users/{ada.id}").status_code == 200

            def test_counts_what_it_asks(client, assert_queries):
                with assert_queries(1):
                    client.get("/users/1")
            """,
        )

        project.run(passed=4)
