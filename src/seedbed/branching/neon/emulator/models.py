"""The emulator's branches, computes and operations, and their JSON in Neon's API."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

REGION = "aws-us-east-2"
DOMAIN = "us-east-2.aws.neon.tech"

Json = dict[str, Any]


def get_current_time() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def format_timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class ApiError(Exception):
    """An error response of Neon's API."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class EmulatedBranch:
    id: str
    name: str
    parent_id: str | None
    project: str
    default: bool = False
    protected: bool = False
    state: str = "init"
    init_source: str = "parent-data"
    expires_at: datetime | None = None
    annotation: dict[str, str] | None = None
    databases: dict[str, str] = field(default_factory=dict)
    """The owners, by the databases' names."""
    passwords: dict[str, str] = field(default_factory=dict, repr=False)
    last_reset_at: datetime | None = None
    created_at: datetime = field(default_factory=get_current_time)
    updated_at: datetime = field(default_factory=get_current_time)

    def get_database_name(self, database: str) -> str:
        """The name of one of its databases on the server."""
        return f"{self.id}/{database}"

    def to_json(self) -> Json:
        document: Json = {
            "id": self.id,
            "project_id": self.project,
            "name": self.name,
            "current_state": self.state,
            "state_changed_at": format_timestamp(self.updated_at),
            "creation_source": "console",
            "primary": self.default,
            "default": self.default,
            "protected": self.protected,
            "init_source": self.init_source,
            "created_at": format_timestamp(self.created_at),
            "updated_at": format_timestamp(self.updated_at),
            **dict.fromkeys(
                (
                    "cpu_used_sec", "compute_time_seconds", "active_time_seconds", "written_data_bytes",
                    "data_transfer_bytes", "logical_size",
                ),
                0,
            ),
        }  # fmt: skip
        if self.parent_id is not None:
            document["parent_id"] = self.parent_id
            document["parent_lsn"] = "0/0"
        if self.expires_at is not None:
            document["expires_at"] = format_timestamp(self.expires_at)
            document["ttl_interval_seconds"] = int((self.expires_at - self.created_at).total_seconds())
        if self.last_reset_at is not None:
            document["last_reset_at"] = format_timestamp(self.last_reset_at)
        return document

    def annotation_json(self) -> Json:
        return {
            "object": {"type": "console/branch", "id": self.id},
            "value": self.annotation or {},
            "created_at": format_timestamp(self.created_at),
            "updated_at": format_timestamp(self.created_at),
        }

    def role_json(self, name: str) -> Json:
        return {"branch_id": self.id, "name": name, "protected": False, **self._dates()}

    def database_json(self, name: str) -> Json:
        return {
            "id": crc32(self.get_database_name(name).encode()),
            "branch_id": self.id,
            "name": name,
            "owner_name": self.databases[name],
            **self._dates(),
        }

    def _dates(self) -> Json:
        return {"created_at": format_timestamp(self.created_at), "updated_at": format_timestamp(self.updated_at)}


@dataclass
class EmulatedEndpoint:
    id: str
    branch_id: str
    project: str
    type: str = "read_write"
    state: str = "init"
    suspend_timeout: int = 0
    created_at: datetime = field(default_factory=get_current_time)

    @property
    def host(self) -> str:
        return f"{self.id}.{DOMAIN}"

    @property
    def pooler_host(self) -> str:
        return f"{self.id}-pooler.{DOMAIN}"

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "host": self.host,
            "branch_id": self.branch_id,
            "project_id": self.project,
            "type": self.type,
            "current_state": self.state,
            "autoscaling_limit_min_cu": 0.25,
            "autoscaling_limit_max_cu": 0.25,
            "region_id": REGION,
            "pooler_enabled": False,
            "pooler_mode": "transaction",
            "disabled": False,
            "passwordless_access": True,
            "creation_source": "console",
            "provisioner": "k8s-neonvm",
            "proxy_host": DOMAIN,
            "settings": {},
            "suspend_timeout_seconds": self.suspend_timeout,
            "created_at": format_timestamp(self.created_at),
            "updated_at": format_timestamp(self.created_at),
        }


@dataclass
class EmulatedOperation:
    action: str
    project: str
    branch_id: str | None
    endpoint_id: str | None
    work: Callable[[], None] = field(repr=False)
    status: str = "scheduling"
    error: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: datetime = field(default_factory=get_current_time)

    @property
    def is_running(self) -> bool:
        return self.status in {"scheduling", "running", "cancelling"}

    def to_json(self) -> Json:
        document: Json = {
            "id": self.id,
            "project_id": self.project,
            "action": self.action,
            "status": self.status,
            "failures_count": 0,
            "total_duration_ms": 0,
            "created_at": format_timestamp(self.created_at),
            "updated_at": format_timestamp(get_current_time()),
        }
        for name, value in (("branch_id", self.branch_id), ("endpoint_id", self.endpoint_id), ("error", self.error)):
            if value is not None:
                document[name] = value
        return document
