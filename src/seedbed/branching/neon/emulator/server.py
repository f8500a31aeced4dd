"""A running emulator: a temporary PostgreSQL server, the proxy in front of it, and the API."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from seedbed.branching.neon.emulator.api.app import create_api
from seedbed.branching.neon.emulator.api.branch_routes import uri
from seedbed.branching.neon.emulator.api.fault_injection import FaultMiddleware, Faults
from seedbed.branching.neon.emulator.branch_storage import BranchStorage
from seedbed.branching.neon.emulator.models import DOMAIN
from seedbed.branching.neon.emulator.operation_queue import OperationQueue
from seedbed.branching.neon.emulator.project import DATABASE, ROLE, EmulatedProject
from seedbed.branching.neon.emulator.proxy_authentication import make_tls
from seedbed.branching.neon.emulator.sni_proxy import Proxy
from seedbed.postgres.embedded import TemporaryServer, run_temporary_server


@dataclass(frozen=True)
class Emulator:
    """A running emulator, with the addresses and secrets that its clients need."""

    app: ASGIApp
    cloud: EmulatedProject
    faults: Faults
    key: str
    proxy_port: int

    def get_variables(self, address: str) -> dict[str, str]:
        """The environment variables of clients. With PGHOSTADDR and PGPORT, libpq resolves no host name."""
        return {
            "NEON_API_KEY": self.key,
            "NEON_PROJECT_ID": self.cloud.project,
            "NEON_API_HOST": f"{address}/api/v2",
            "DATABASE_URL": self.database_url(pooled=True),
            "PGHOSTADDR": "127.0.0.1",
            "PGPORT": str(self.proxy_port),
        }

    def database_url(self, *, pooled: bool = False) -> str:
        """The URL of the default branch's database."""
        main = self.cloud.default
        return uri(main, self.cloud.computes.list_of_branch(main.id)[0], DATABASE, ROLE, pooled=pooled)


@contextmanager
def run_emulator(server: TemporaryServer | None = None, *, limit: int = 10, step: float = 0.05) -> Iterator[Emulator]:
    """Run everything but the web server for the length of a block; the caller serves `app`.

    Raises:
        ExtraMissing: `cryptography` is not installed.
    """
    tls = make_tls(f"*.{DOMAIN}")
    if server is None:
        with run_temporary_server() as made, run_emulator(made, limit=limit, step=step) as run:
            yield run
        return
    cloud = EmulatedProject(
        BranchStorage(server), OperationQueue(f"quiet-lab-{secrets.randbelow(10**8):08d}", step), limit
    )
    key, faults = f"napi_{secrets.token_hex(16)}", Faults()
    with cloud.running(), Proxy(tls, server.port, cloud.computes.resolve_route).running() as port:
        yield Emulator(FaultMiddleware(create_api(cloud, key, faults), faults), cloud, faults, key, port)
