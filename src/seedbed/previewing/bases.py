"""The base of previews: one branch with rows that may be shown, sealed, from which previews are copied."""

from dataclasses import dataclass
from datetime import timedelta

from seedbed.branching import Branch, provider_of
from seedbed.errors import BranchExists, NotAPreview
from seedbed.postgres.locks import preparing_alone
from seedbed.previewing.data import Data, Filled, branch_database, fill
from seedbed.settings import Configuration, Environment

BASE = "preview/base"
_WAIT = timedelta(minutes=10)


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
    preparing, nothing is copied from it, and the next call begins again. Of two calls at once the later one takes it
    over, and the earlier one fails.

    Raises:
        NotAPreview: there is a branch of its name which is for something else.
        ProductionCopied: rows of production would be in it as they are.
        BranchError, MigrationError, SeedError: as for a preview.
    """
    provider = provider_of(configuration)
    copied = data.replaces_rows
    try:
        provider.create(BASE, environment=Environment.PREVIEW, force=force, even_production=copied)
        created = True
    except BranchExists:
        if (there := provider.get(BASE)).environment is not Environment.PREVIEW:
            raise NotAPreview(BASE, there.mark) from None
        provider.reset(BASE, force=force, even_production=copied)
        created = False
    provider.wait(BASE)
    database = branch_database(provider, BASE)
    with preparing_alone(database, BASE, wait=_WAIT):
        filled = fill(configuration, database, data, parent=configuration.environment)
        branch = provider.finish(BASE, sealed=True)
    return Base(branch, created, filled)
