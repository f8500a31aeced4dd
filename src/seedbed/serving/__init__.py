"""A small read service, made from the schema."""

from seedbed.serving.app import create_app

__all__ = ["create_app"]
