"""What the system catalogs say of two databases that the catalog model takes for equal."""

from seedbed.postgres.catalog.diff import Difference
from seedbed.postgres.catalog.system_rows import SystemFacts, SystemRows

_WORDS = {
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
"""System columns as a user knows them; the others go by their own names."""


def find_system_differences(found: SystemRows, expected: SystemRows) -> tuple[Difference, ...]:
    """What keeps `found` from equalling `expected`, in a stable order."""
    different: list[Difference] = []
    for name in sorted({*found, *expected}):
        if name not in found or name not in expected:
            different.append(Difference(_plain(name), "", "missing" if name not in found else "not wanted", ""))
        else:
            different += _changed(_plain(name), found[name], expected[name])
    return tuple(different)


def _changed(name: str, found: SystemFacts, wanted: SystemFacts) -> list[Difference]:
    return [
        Difference(name, _WORDS.get(fact, fact), found.get(fact) or "none", wanted.get(fact) or "none")
        for fact in sorted({*found, *wanted})
        if found.get(fact) != wanted.get(fact)
    ]


def _plain(name: str) -> str:
    """A name as a user says it: objects of `public` without their schema."""
    return name.replace(" public.", " ")
