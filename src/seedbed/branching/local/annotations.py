"""What is known of a local branch, kept in its database's comment: it goes where the database goes."""

import json
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from seedbed.branching.protocol import Branch
from seedbed.settings import Environment

_KEY = "seedbed_branch"
_FACTS = ("name", "parent", "environment", "ready", "created_at", "expires_at", "owner", "sealed")
"""The names of the facts in a comment, in the order of their values."""
_VALUES = TypeAdapter(tuple[str, str, Environment, bool, datetime, datetime | None, str, bool])


def format_comment(branch: Branch) -> str:
    values = (
        branch.name, branch.parent, branch.environment, branch.ready, branch.created_at, branch.expires_at,
        branch.owner, branch.sealed,
    )  # fmt: skip
    facts = dict(zip(_FACTS, to_jsonable_python(values), strict=True))
    return json.dumps({_KEY: facts}, ensure_ascii=False)


def parse_comment(comment: str | None) -> Branch | None:
    """The branch a comment is about; None when it was not written here. Facts of later versions are passed over."""
    try:
        document: Any = json.loads(comment or "")
        facts = {"sealed": False, **document[_KEY]}
        return Branch(*_VALUES.validate_python([facts[name] for name in _FACTS]))
    except (ValueError, KeyError, TypeError, ValidationError):
        return None
