"""Who provides the branches of a project's database."""

from seedbed.branching.local.provider import LocalBranches
from seedbed.branching.protocol import BranchProvider
from seedbed.errors import NoBranchProvider
from seedbed.postgres.database import find_configured_database
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.settings import Configuration


def get_branch_provider(configuration: Configuration) -> BranchProvider:
    """The provider for the environment's database: Neon, or the embedded server, which is started if need be.

    Neon is chosen by a DATABASE_URL of its own, or by NEON_PROJECT_ID. A NEON_API_KEY alone chooses nothing: a shell
    may have it for other projects.

    Raises:
        NeonNotConfigured: it is Neon, and the key or the project is not set.
        NoBranchProvider: the environment uses another server from a URL.
    """
    given = find_configured_database(configuration)
    if (given is not None and given.direct.is_neon) or configuration.settings.neon_project_id is not None:
        from seedbed.branching.neon import NeonBranches  # noqa: PLC0415 - an HTTP client, for whom Neon is nothing

        return NeonBranches.of(configuration)
    if given is not None:
        raise NoBranchProvider(configuration.environment, given.direct.address, str(given.origin))
    server = EmbeddedServer.from_configuration(configuration)
    server.ensure_running()
    return LocalBranches(server, configuration)
