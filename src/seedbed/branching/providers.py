"""The choice of the branch provider for a configuration."""

from seedbed.branching.local.provider import LocalBranches
from seedbed.branching.protocol import BranchProvider
from seedbed.errors import NoBranchProvider
from seedbed.postgres.database import find_configured_database
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.settings import Configuration


def get_branch_provider(configuration: Configuration) -> BranchProvider:
    """The provider for the environment's database: Neon, or the embedded server, which is started where necessary.

    A DATABASE_URL on Neon or a NEON_PROJECT_ID selects Neon. A NEON_API_KEY alone does not, since the shell may have it
    for another project.

    Raises:
        NeonNotConfigured: Neon is selected, and its key or project is not set.
        NoBranchProvider: the environment uses another server from a URL.
    """
    configured = find_configured_database(configuration)
    if (configured is not None and configured.direct.is_neon) or configuration.settings.neon_project_id is not None:
        from seedbed.branching.neon import NeonBranches  # noqa: PLC0415 - an HTTP client, for whom Neon is nothing

        return NeonBranches.from_configuration(configuration)
    if configured is not None:
        raise NoBranchProvider(configuration.environment, configured.direct.address, str(configured.origin))
    server = EmbeddedServer.from_configuration(configuration)
    server.ensure_running()
    return LocalBranches(server, configuration)
