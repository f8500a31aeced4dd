"""Migrations: drafted from the models, planned, applied and checked."""
