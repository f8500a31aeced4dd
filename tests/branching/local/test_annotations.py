"""What is known of a local branch is read back as it was written, and nothing else is taken for it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from seedbed.branching.local.lookup import format_comment, parse_comment
from seedbed.branching.protocol import Branch
from seedbed.settings import Environment

pytestmark = pytest.mark.unit

BRANCH = Branch(
    name="preview/pr-42",
    parent="development",
    environment=Environment.PREVIEW,
    ready=False,
    created_at=datetime(2026, 11, 24, 14, 46, tzinfo=UTC),
    expires_at=None,
    owner="shop",
)


class TestComments:
    def test_are_read_as_they_were_written(self) -> None:
        expiring = replace(BRANCH, ready=True, expires_at=datetime(2026, 12, 1, tzinfo=UTC))

        assert parse_comment(format_comment(BRANCH)) == BRANCH
        assert parse_comment(format_comment(expiring)) == expiring

    def test_have_each_fact_under_a_name_of_its_own(self) -> None:
        assert format_comment(BRANCH) == (
            '{"seedbed_branch": {"name": "preview/pr-42", "parent": "development", "environment": "preview",'
            ' "ready": false, "created_at": "2026-11-24T14:46:00Z", "expires_at": null, "owner": "shop",'
            ' "sealed": false}}'
        )

    def test_without_sealed_is_that_of_an_open_branch(self) -> None:
        assert parse_comment(format_comment(BRANCH).replace(', "sealed": false', "")) == BRANCH

    def test_pass_over_facts_of_a_later_version(self) -> None:
        assert parse_comment(format_comment(BRANCH).replace('"owner"', '"colour": "red", "owner"')) == BRANCH

    @pytest.mark.parametrize(
        "comment",
        [
            None,
            "",
            "the shop's database",
            "42",
            "null",
            '{"seedbed_branch": {}}',
            '{"name": "preview/pr-42"}',
            '["seedbed_branch"]',
        ],
    )
    def test_of_anybody_else_are_none_of_a_branch(self, comment: str | None) -> None:
        assert parse_comment(comment) is None

    def test_say_preparing_until_the_branch_is_ready(self) -> None:
        assert BRANCH.mark == "preparing"
        assert replace(BRANCH, ready=True).mark == "preview"
