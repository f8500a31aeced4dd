"""The base of previews: one branch with rows that may be shown, sealed, from which previews are copied."""

from dataclasses import dataclass

from seedbed.branching import Branch, provider_of
from seedbed.errors import BranchNotFound
from seedbed.previewing.data import Data, Filled, fill
from seedbed.settings import Configuration, Environment

BASE = "preview/base"


@dataclass(frozen=True)
class Base:
    """The base as it is now, whether this call made it, and where its rows come from."""

    branch: Branch
    created: bool
    filled: Filled


def make_base(configuration: Configuration, data: Data, *, force: bool = False) -> Base:
    """Make the base of previews from the environment's database, or make it anew from that as it is now.

    Previews that were copied from it before stay as they are. It has no end, since branches with an end have no
    children on Neon, and nobody can connect to it, so it can be copied at any time. When a step fails it is left marked
    preparing, nothing is copied from it, and the next call begins again.

    Raises:
        ProductionCopied: rows of production would be in it as they are.
        BranchError, MigrationError, SeedError: as for a preview.
    """
    provider = provider_of(configuration)
    masked = data is Data.MASKED
    try:
        provider.get(BASE)
    except BranchNotFound:
        provider.create(BASE, environment=Environment.PREVIEW, force=force, even_production=masked)
        created = True
    else:
        provider.reset(BASE, force=force, even_production=masked)
        created = False
    filled = fill(configuration, provider, BASE, data)
    return Base(provider.finish(BASE, sealed=True), created, filled)
