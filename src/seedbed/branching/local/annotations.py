"""What is known of a local branch, kept in its database's comment: it goes where the database goes."""

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from seedbed.branching.protocol import Branch

_KEY = "seedbed_branch"
_FACTS: TypeAdapter[Branch] = TypeAdapter(Branch)


def written(branch: Branch) -> str:
    return json.dumps({_KEY: _FACTS.dump_python(branch, mode="json")}, ensure_ascii=False)


def read(comment: str | None) -> Branch | None:
    """The branch a comment is about; None when it was not written here. Facts of later versions are passed over."""
    try:
        document: Any = json.loads(comment or "")
        return _FACTS.validate_python(document[_KEY])
    except (ValueError, KeyError, TypeError, ValidationError):
        return None
