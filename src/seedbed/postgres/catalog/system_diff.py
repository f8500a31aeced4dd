"""Differences in the system catalogs of two databases that the catalog model considers equal."""

from seedbed.postgres.catalog.diff import Difference
from seedbed.postgres.catalog.system_rows import SystemFacts, SystemRows

_COLUMN_WORDS = {
    "relreplident": "replica identity",
    "relowner": "owner",
    "proowner": "owner",
    "typowner": "owner",
    "nspowner": "owner",
    "relam": "access method",
    "reltablespace": "tablespace",
    "reloptions": "storage parameters",
    "relacl": "privileges",
    "relrowsecurity": "row level security",
    "relforcerowsecurity": "forced row level security",
    "attacl": "privileges",
    "attstorage": "storage",
    "attcompression": "compression",
    "attstattarget": "statistics target",
    "attoptions": "options",
    "attcollation": "collation",
    "adbin": "default",
    "proacl": "privileges",
    "typacl": "privileges",
    "nspacl": "privileges",
    "tgenabled": "enabled",
    "ev_enabled": "enabled",
    "evtenabled": "enabled",
    "indisclustered": "CLUSTER mark",
    "indisreplident": "replica identity",
    "conenforced": "enforced",
    "convalidated": "validated",
    "description": "comment",
    "extversion": "version",
    "defaclacl": "privileges",
}
"""Words for columns of the system catalogs; the others are shown by their names."""


def find_system_differences(found: SystemRows, expected: SystemRows) -> tuple[Difference, ...]:
    """The differences of `found` from `expected`, in a stable order."""
    result: list[Difference] = []
    for name in sorted({*found, *expected}):
        if name not in found or name not in expected:
            result.append(Difference(_strip_public(name), "", "missing" if name not in found else "not wanted", ""))
        else:
            result += _compare_facts(_strip_public(name), found[name], expected[name])
    return tuple(result)


def _compare_facts(name: str, found: SystemFacts, wanted: SystemFacts) -> list[Difference]:
    return [
        Difference(name, _COLUMN_WORDS.get(fact, fact), found.get(fact) or "none", wanted.get(fact) or "none")
        for fact in sorted({*found, *wanted})
        if found.get(fact) != wanted.get(fact)
    ]


def _strip_public(name: str) -> str:
    """A name without the schema `public`."""
    return name.replace(" public.", " ")
