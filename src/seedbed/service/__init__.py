"""A small read service, made from the schema."""

from seedbed.service.http.app import create_app
from seedbed.service.http.problems import documented as problems
from seedbed.service.pool.session import Session
from seedbed.service.pool.statement import Fetch, Statement

__all__ = ["Fetch", "Session", "Statement", "create_app", "problems"]
