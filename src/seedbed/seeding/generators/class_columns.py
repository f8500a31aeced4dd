"""Columns of classes that share a table: the discriminator, and columns that some classes lack."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seedbed.seeding.analysis.inheritance import format_identities, is_identity
from seedbed.seeding.core.batch import Batch, Bools, Coded, make_fixed_pool
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest
from seedbed.seeding.resolution.resolved_table import ResolvedTable


def generate_discriminator(request: ColumnRequest) -> ColumnGenerator:
    """Fill the column that says which class a row is of."""
    table, inheritance = request.table, request.table.inheritance
    identities = [] if inheritance is None else inheritance.identities
    pool = make_fixed_pool(f"{table.name}.{request.name}", identities)
    source = f"its class: {format_identities(identities)}"
    return ColumnGenerator(request.name, source, lambda rows: Coded(None, table.own_rows.find_classes(rows), pool))


def limit_to_classes(table: ResolvedTable, generator: ColumnGenerator) -> ColumnGenerator:
    """A column's generator, NULL in the rows of classes that do not have the column."""
    inheritance, column = table.inheritance, table.get_column(generator.name)
    discriminator = None if inheritance is None else inheritance.discriminator
    if inheritance is None or discriminator is None or discriminator == generator.name or not column.nullable:
        return generator
    identities = inheritance.find_identities_with(column)
    if len(identities) == len(inheritance.identities) or not identities:
        return generator

    def make(rows: range) -> Batch:
        return generator.make(rows).with_nulls(~_is_among(table.own_rows.batch(discriminator, rows), identities))

    source = f"{generator.description}; NULL unless {discriminator} is {format_identities(identities)}"
    return replace(generator, description=source, make=make, is_row_number=False)


def _is_among(batch: Batch, identities: Sequence[Any]) -> Bools:
    if isinstance(batch, Coded) and batch.nulls is None:
        entries = batch.pool.make_all()
        matches = [any(is_identity(identity, entry) for identity in identities) for entry in entries]
        return np.array(matches, dtype=np.bool_)[batch.codes]
    matches = [any(is_identity(identity, value) for identity in identities) for value in batch.tolist()]
    return np.array(matches, dtype=np.bool_)
