"""A small read service, made from the schema."""

from seedbed.serving.app import create_app
from seedbed.serving.sessions import Session

__all__ = ["Session", "create_app"]
