"""A small read service, made from the schema."""

from seedbed.serving.app import create_app
from seedbed.serving.problems import documented as problems
from seedbed.serving.sessions import Session
from seedbed.serving.statements import Fetch, Statement

__all__ = ["Fetch", "Session", "Statement", "create_app", "problems"]
