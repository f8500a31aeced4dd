"""Who provides the branches of a project's database."""

from seedbed.branching.local import LocalBranches
from seedbed.branching.protocol import BranchProvider
from seedbed.errors import NoBranchProvider
from seedbed.postgres.databases import located
from seedbed.postgres.embedded import Server
from seedbed.settings import Configuration


def provider_of(configuration: Configuration) -> BranchProvider:
    """The provider for the environment's database: the embedded server, which is started if need be.

    Raises:
        NoBranchProvider: the environment uses a server from a URL.
    """
    given = located(configuration)
    if given is not None:
        raise NoBranchProvider(configuration.environment, given.direct.address, str(given.origin))
    server = Server.of(configuration)
    server.ensure()
    return LocalBranches(server, configuration)
