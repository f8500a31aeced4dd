"""Branches on Neon, by an emulator of its API whose faults are asked for."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.error import HTTPError

import psycopg2
import pytest

from seedbed.branching import get_branch_provider
from seedbed.branching.neon import NeonBranches
from seedbed.branching.neon.client import NeonClient
from seedbed.branching.neon.creation import BranchRequest
from seedbed.branching.neon.emulator.branch_storage import BranchStorage
from seedbed.branching.neon.endpoints import BranchEndpoints
from seedbed.branching.neon.http import LostAnswer, parse_retry_after
from seedbed.branching.neon.lookup import AnnotatedBranch, format_unfinished_name
from seedbed.branching.neon.models import Endpoint
from seedbed.errors import (
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    ExpiringNeonParent,
    InvalidExpiry,
    NeonAuthenticationFailure,
    NeonBranchHasChildren,
    NeonBranchLimitReached,
    NeonEndpointMismatch,
    NeonNotConfigured,
    NeonOperationFailure,
    NeonOverloaded,
    NeonProjectLocked,
    NeonProjectNotFound,
    NeonUnreachable,
    SealedBranch,
    UnmarkedDatabase,
    UnmaskedProductionCopy,
    UnownedNeonBranch,
)
from seedbed.postgres.reset import empty_copy
from seedbed.previews.preview import create_or_update
from seedbed.previews.preview_data import get_branch_database
from seedbed.settings import Environment, find_project, load_configuration
from tests.support.emulators import MARK, ROOT, Neon, ask, emulated

PR = "preview/pr-42"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Neon]:
    with emulated() as neon:
        yield neon


@pytest.fixture
def neon(emulator: Neon) -> Iterator[Neon]:
    yield emulator
    emulator.faults(step=0.005, limit=10)
    emulator.main("DROP TABLE IF EXISTS note; CREATE TABLE note (body text); INSERT INTO note VALUES ('hello')")
    emulator.main(MARK.format("development"))
    cloud = emulator.run.cloud
    for branch in sorted(cloud.branches.values(), key=lambda branch: branch.created_at, reverse=True):
        if not branch.default:
            branch.protected, branch.init_source = False, "test"
            NeonBranches.from_configuration(emulator.configuration()).client.delete_branch(branch.id)


@pytest.fixture
def branches(neon: Neon) -> NeonBranches:
    return neon.branches()


def make(branches: NeonBranches, name: str = PR, **options: object) -> None:
    branches.create(name, environment=Environment.PREVIEW, **options)  # type: ignore[arg-type]
    branches.finish(name)


class TestCreate:
    def test_leaves_a_copy_marked_preparing_whose_address_is_withheld(self, neon: Neon, branches: NeonBranches) -> None:
        made = branches.create(PR, environment=Environment.PREVIEW)

        assert (made.name, made.parent, made.ready, made.owner) == (PR, "development", False, "seedbed")
        url = branches.url(PR, allow_unready=True).reveal()
        assert ask(url, "SELECT body, name FROM note, seedbed.environment") == [("hello", "preparing")]
        assert neon.names() == ["main", f"{PR} [preparing]"]
        with pytest.raises(BranchNotReady):
            branches.url(PR)

    def test_is_not_taken_aback_when_another_call_has_marked_the_copy(
        self, neon: Neon, branches: NeonBranches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        awake = BranchEndpoints.wait_until_awake

        def quicker(reaching: BranchEndpoints, found: AnnotatedBranch, seconds: float) -> None:
            monkeypatch.setattr(BranchEndpoints, "wait_until_awake", awake)
            empty_copy(get_branch_database(neon.branches(), PR))
            reaching.wait_until_awake(found, seconds)

        monkeypatch.setattr(BranchEndpoints, "wait_until_awake", quicker)

        made = branches.create(PR, environment=Environment.PREVIEW)

        assert (made.name, made.ready) == (PR, False)
        assert branches.finish(PR).ready

    def test_stays_ready_when_another_call_has_finished_the_copy(
        self, neon: Neon, branches: NeonBranches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        awake = BranchEndpoints.wait_until_awake

        def quicker(reaching: BranchEndpoints, found: AnnotatedBranch, seconds: float) -> None:
            monkeypatch.setattr(BranchEndpoints, "wait_until_awake", awake)
            neon.branches().finish(PR)
            reaching.wait_until_awake(found, seconds)

        monkeypatch.setattr(BranchEndpoints, "wait_until_awake", quicker)

        branches.create(PR, environment=Environment.PREVIEW)

        assert branches.get(PR).ready
        assert ask(branches.url(PR).reveal(), "SELECT name FROM seedbed.environment") == [("preview",)]

    def test_is_not_made_of_a_parent_that_was_begun_anew_meanwhile(
        self, neon: Neon, branches: NeonBranches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(branches, "base")
        ask(branches.url("base").reveal(), MARK.format("preparing"))

        with pytest.raises(BranchNotReady, match="base is not ready"):
            branches.create(PR, parent="base", environment=Environment.PREVIEW)

        assert neon.names() == ["base", "main"]

    def test_says_that_it_is_gone_when_another_call_deletes_it(
        self, neon: Neon, branches: NeonBranches, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        branches.create(PR, environment=Environment.PREVIEW)
        awake = BranchEndpoints.wait_until_awake

        def deleted(reaching: BranchEndpoints, found: AnnotatedBranch, seconds: float) -> None:
            neon.branches().delete(PR)
            awake(reaching, found, seconds)

        monkeypatch.setattr(BranchEndpoints, "wait_until_awake", deleted)

        with pytest.raises(BranchNotFound):
            branches.wait_until_reachable(PR)

    def test_copies_a_branch_that_somebody_is_connected_to(self, neon: Neon, branches: NeonBranches) -> None:
        connection = psycopg2.connect(neon.run.database_url())
        try:
            make(branches)
        finally:
            connection.close()

        assert ask(branches.url(PR).reveal(), "SELECT body FROM note") == [("hello",)]

    def test_refuses_a_name_that_is_taken(self, branches: NeonBranches) -> None:
        make(branches)

        with pytest.raises(BranchExists):
            branches.create(PR)

    def test_makes_one_branch_when_many_ask_at_once(self, neon: Neon, branches: NeonBranches) -> None:
        outcomes: list[str] = []

        def ask_for_it() -> None:
            try:
                branches.create(PR, environment=Environment.PREVIEW)
                outcomes.append("made")
            except BranchExists:
                outcomes.append("exists")

        threads = [threading.Thread(target=ask_for_it) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == ["exists"] * 4 + ["made"]
        assert neon.names() == ["main", f"{PR} [preparing]"]

    def test_deletes_a_copy_of_production_that_was_to_be_a_preview(self, neon: Neon, branches: NeonBranches) -> None:
        neon.main(MARK.format("production"))

        with pytest.raises(UnmaskedProductionCopy):
            branches.create(PR, environment=Environment.PREVIEW)

        assert neon.names() == ["main"]

    def test_deletes_a_copy_of_rows_without_a_mark(self, neon: Neon, branches: NeonBranches) -> None:
        neon.main("DROP SCHEMA seedbed CASCADE")

        with pytest.raises(UnmarkedDatabase):
            branches.create(PR, environment=Environment.PREVIEW)

        assert neon.names() == ["main"]

    def test_refuses_an_end_that_is_past_or_more_than_30_days_away(self, branches: NeonBranches) -> None:
        for days in (-1, 31):
            with pytest.raises(InvalidExpiry):
                branches.create(PR, expires_at=datetime.now(UTC) + timedelta(days=days))

    def test_refuses_to_copy_a_branch_that_ends(self, branches: NeonBranches) -> None:
        make(branches, "base", expires_at=datetime.now(UTC) + timedelta(days=1))

        with pytest.raises(ExpiringNeonParent):
            branches.create(PR, parent="base")

    def test_says_that_the_project_is_full(self, neon: Neon, branches: NeonBranches) -> None:
        neon.faults(limit=1)

        with pytest.raises(NeonBranchLimitReached) as refused:
            branches.create(PR)

        assert "already has 1 branch" in str(refused.value)


class TestFinish:
    def test_marks_the_branch_and_gives_a_direct_and_a_pooled_address(self, branches: NeonBranches) -> None:
        make(branches)

        direct, pooled = branches.url(PR), branches.url(PR, pooled=True)
        assert branches.get(PR).ready
        assert (direct.is_neon_pooler, pooled.is_neon_pooler, pooled.direct) == (False, True, direct)
        assert ask(pooled.reveal(), "SELECT name FROM seedbed.environment") == [("preview",)]

    def test_sealed_leaves_no_compute_and_a_branch_that_can_be_copied(self, branches: NeonBranches) -> None:
        branches.create("base", environment=Environment.PREVIEW)

        assert branches.finish("base", sealed=True).sealed
        with pytest.raises(SealedBranch):
            branches.url("base")
        make(branches, parent="base")
        assert ask(branches.url(PR).reveal(), "SELECT body FROM note") == [("hello",)]


class TestReset:
    def test_of_a_branch_with_children_leaves_them_their_parent_until_they_are_gone(
        self, neon: Neon, branches: NeonBranches
    ) -> None:
        branches.create("base", environment=Environment.PREVIEW)
        branches.finish("base", sealed=True)
        make(branches, parent="base")
        neon.main("INSERT INTO note VALUES ('later')")

        branches.reset("base")
        branches.finish("base", sealed=True)
        make(branches, "pr-43", parent="base")

        aside = [name for name in neon.names() if re.fullmatch(r"base \[replaced [0-9a-f]{6}\]", name)]
        assert len(aside) == 1
        assert [branch.name for branch in branches.list()] == ["base", "pr-43", PR]
        assert ask(branches.url(PR).reveal(), "SELECT body FROM note") == [("hello",)]
        assert ask(branches.url("pr-43").reveal(), "SELECT count(*) FROM note") == [(2,)]
        branches.delete(PR)
        assert neon.names() == ["base", "main", "pr-43"]

    def test_is_refused_while_the_parent_is_being_prepared(self, branches: NeonBranches) -> None:
        make(branches, "base")
        make(branches, parent="base")
        branches.reset("base")

        with pytest.raises(BranchNotReady):
            branches.reset(PR)
        with pytest.raises(BranchNotReady):
            branches.create("pr-43", parent="base")

    def test_makes_the_branch_anew_from_its_parent(self, neon: Neon, branches: NeonBranches) -> None:
        make(branches)
        ask(branches.url(PR).reveal(), "DELETE FROM note")
        neon.main("INSERT INTO note VALUES ('later')")

        assert not branches.reset(PR).ready
        url = branches.url(PR, allow_unready=True).reveal()
        assert ask(url, "SELECT body FROM note ORDER BY 1") == [("hello",), ("later",)]

    def test_withholds_the_branch_when_its_parent_has_become_production(
        self, neon: Neon, branches: NeonBranches
    ) -> None:
        make(branches)
        neon.main(MARK.format("production"))

        with pytest.raises(UnmaskedProductionCopy):
            branches.reset(PR)

        with pytest.raises(BranchNotReady):
            branches.url(PR)
        with pytest.raises(UnmaskedProductionCopy):
            branches.finish(PR)


class TestDelete:
    def test_says_which_branches_were_copied_from_it(self, branches: NeonBranches) -> None:
        make(branches, "base")
        make(branches, parent="base")

        with pytest.raises(NeonBranchHasChildren, match=f"base because it has children: {PR}"):
            branches.delete("base")


class TestATwin:
    """Of two that make a branch at once, the slower one may begin another after the first has finished its own."""

    @pytest.fixture
    def twin(self, neon: Neon, branches: NeonBranches) -> str:
        make(branches)
        request = BranchRequest.create(branches._lookup, PR, "development", Environment.PREVIEW)
        main = next(branch.id for branch in neon.run.cloud.branches.values() if branch.default)
        branches.client.create_branch(format_unfinished_name(PR), main, request.annotation, None)
        return request.request_id

    def test_is_deleted_by_whoever_made_it(self, neon: Neon, branches: NeonBranches) -> None:
        make(branches)
        request = BranchRequest.create(branches._lookup, PR, "development", Environment.PREVIEW)
        main = next(branch.id for branch in neon.run.cloud.branches.values() if branch.default)

        with pytest.raises(BranchExists):
            request.send(main, None)

        assert neon.names() == ["main", PR]
        assert branches.get(PR).ready

    @pytest.mark.parametrize("call", ["create", "reset", "delete"])
    def test_that_a_kill_left_is_deleted_by_the_next_command(
        self, neon: Neon, branches: NeonBranches, twin: str, call: str
    ) -> None:
        assert neon.names() == ["main", PR, f"{PR} [preparing]"]
        assert [branch.ready for branch in branches.list()] == [True]

        with suppress(BranchExists):
            getattr(branches, call)(PR)

        assert (
            neon.names() == {"create": ["main", PR], "reset": ["main", f"{PR} [preparing]"], "delete": ["main"]}[call]
        )
        assert twin not in [one.request_id for one in branches._lookup.list_all()]


class TestOthersBranches:
    @pytest.mark.parametrize("name", ["main", "theirs", "protected", "another's"])
    def test_are_not_changed_nor_deleted_nor_listed(self, neon: Neon, branches: NeonBranches, name: str) -> None:
        path = f"/api/v2/projects/{neon.run.cloud.project}/branches"
        ours = {"seedbed-owner": "seedbed", "seedbed-branch": name, "seedbed-environment": "preview"}
        annotation = {"theirs": {}, "protected": ours, "another's": {**ours, "seedbed-owner": "shop"}}
        if name != "main":
            body = {"branch": {"name": name, "protected": name == "protected"}, "annotation_value": annotation[name]}
            made = neon.call("POST", path, body)
            branches.client.wait_for_operations(made["branch"]["id"])
        before = neon.call("GET", path)

        for touch in (branches.delete, branches.reset, branches.finish, branches.create):
            with pytest.raises(UnownedNeonBranch):
                touch(name)
        with pytest.raises(UnownedNeonBranch):
            branches.set_expiry(name, None)

        assert neon.call("GET", path) == before
        assert branches.list() == ()


class TestExpire:
    def test_is_carried_out_and_taken_back(self, branches: NeonBranches) -> None:
        make(branches)
        end = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)

        assert branches.set_expiry(PR, end).expires_at == end
        assert branches.set_expiry(PR, None).expires_at is None

    def test_is_done_by_neon(self, neon: Neon, branches: NeonBranches) -> None:
        make(branches)
        branches.set_expiry(PR, datetime.now(UTC) + timedelta(seconds=3))
        gone = threading.Event()
        while not gone.wait(0.1):
            if neon.names() == ["main"]:
                gone.set()

        with pytest.raises(BranchNotFound):
            branches.get(PR)


class TestList:
    def test_reads_every_page(self, neon: Neon, branches: NeonBranches) -> None:
        for number in range(3):
            make(branches, f"pr-{number}")
        paged = NeonBranches(type(branches.client)(branches.client.http, page_size=2), branches.configuration)

        assert [branch.name for branch in paged.list()] == ["pr-0", "pr-1", "pr-2"]


class TestFaults:
    @pytest.mark.parametrize(
        "faults",
        [{"_423": 0.4}, {"_429": 0.4}, {"_503": 0.4}, {"dropped": 0.3}, {"step": 0.3}, {"asleep": 3}],
        ids=lambda faults: next(iter(faults)),
    )
    def test_are_lived_through(self, neon: Neon, branches: NeonBranches, faults: dict[str, float]) -> None:
        neon.faults(seed=7, **faults)

        make(branches)
        branches.reset(PR)
        branches.finish(PR)
        url = branches.url(PR).reveal()

        counted = neon.call("GET", "/emulator/faults")
        assert neon.names() == ["main", PR]
        assert ask(url, "SELECT body FROM note") == [("hello",)]
        assert counted or "step" in faults or "asleep" in faults
        branches.delete(PR)
        assert neon.names() == ["main"]

    def test_of_a_compute_that_sleeps_are_waited_for_by_a_preview_that_is_there(self, neon: Neon) -> None:
        create_or_update(neon.configuration(), PR)
        neon.faults(asleep=3)

        again = create_or_update(neon.configuration(), PR)

        assert (again.created, neon.run.cloud.computes.asleep) == (False, 0)

    def test_that_lose_every_answer_leave_one_branch_for_the_next_call(
        self, neon: Neon, branches: NeonBranches
    ) -> None:
        neon.faults(dropped=1)
        client = branches.client
        impatient = type(client)(type(client.http)(client.http.access, timeout_seconds=0.2))
        with pytest.raises(NeonUnreachable):
            NeonBranches(impatient, branches.configuration).create(PR)
        neon.faults()

        branches.create(PR, environment=Environment.PREVIEW)

        assert neon.names() == ["main", f"{PR} [preparing]"]

    @pytest.mark.parametrize(("fault", "error"), [("_423", NeonProjectLocked), ("_429", NeonOverloaded)])
    def test_that_do_not_end_are_said(
        self, neon: Neon, branches: NeonBranches, fault: str, error: type[Exception]
    ) -> None:
        neon.faults(**{fault: 1})
        wire = type(branches.client.http)(branches.client.http.access, timeout_seconds=0.2)

        with pytest.raises(error):
            NeonBranches(type(branches.client)(wire), branches.configuration).list()

    def test_that_lose_the_answer_about_a_compute_make_one(self, neon: Neon, branches: NeonBranches) -> None:
        branches.create(PR, environment=Environment.PREVIEW)
        (endpoint,) = neon.run.cloud.computes.list_of_branch(branches._lookup.get_branch(PR).neon_branch.id)
        branches.client.delete_endpoint(endpoint.id)
        asked, client = [], branches.client

        def lose_the_first(self: NeonClient, branch_id: str) -> None:
            asked.append(branch_id)
            make_endpoint(self, branch_id)
            raise LostAnswer("a test", "lost")

        make_endpoint = NeonClient.create_endpoint
        with patch.object(NeonClient, "create_endpoint", lose_the_first):
            branches.finish(PR)

        assert len(asked) == len(client.list_endpoints(asked[0])) == 1

    def test_of_an_interrupt_leave_nothing(self, neon: Neon, branches: NeonBranches) -> None:
        with (
            patch.object(NeonClient, "wait_for_operations", side_effect=KeyboardInterrupt),
            pytest.raises(KeyboardInterrupt),
        ):
            branches.create(PR)

        assert neon.names() == ["main"]

    def test_of_an_operation_leave_nothing(self, neon: Neon, branches: NeonBranches) -> None:
        with (
            patch.object(BranchStorage, "copy_database", side_effect=RuntimeError("no space left")),
            pytest.raises(NeonOperationFailure, match="ended as failed: no space left"),
        ):
            branches.create(PR)

        assert neon.names() == ["main"]

    def test_of_an_address_that_is_another_computes_are_seen(self, neon: Neon, branches: NeonBranches) -> None:
        make(branches)

        with (
            patch.object(NeonClient, "read_connection_uri", return_value=neon.run.database_url()),
            pytest.raises(NeonEndpointMismatch),
        ):
            branches.url(PR)


class TestTheEmulator:
    @pytest.mark.parametrize(
        ("method", "path", "body", "status", "said"),
        [
            ("POST", "/branches", {"branch": {"parent_timestamp": "2026-11-01T00:00:00Z"}}, 422, "keeps no history"),
            ("DELETE", "/branches/br-never-was", None, 404, "branch not found"),
            ("GET", "/snapshots", None, 404, "the emulator has no such route"),
            ("GET", "/branches?limit=0", None, 400, "not valid"),
            ("POST", "/branches", {"branch": {"expires_at": "tomorrow"}}, 400, "RFC 3339"),
            ("POST", "/branches", {"branch": "x"}, 400, "not valid"),
            ("POST", "/branches", {"endpoints": [{"type": "huge"}]}, 400, "not valid"),
            (
                "POST",
                "/endpoints",
                {"endpoint": {"branch_id": "br-never-was", "type": "read_write"}},
                404,
                "branch not",
            ),
            ("GET", "/operations?limit=-1", None, 400, "not valid"),
            (
                "GET",
                "/branches/{main}/compare_schema?db_name=neondb&timestamp=2026-11-01T00:00:00Z",
                None,
                422,
                "the emulator does not do timestamp",
            ),
            (
                "GET",
                "/branches/{main}/compare_schema?db_name=neondb&base_lsn=0/1",
                None,
                422,
                "the emulator does not do base_lsn",
            ),
            ("GET", "/branches/{main}/schema?db_name=neondb&format=json", None, 422, "the emulator does not do format"),
            ("POST", "/branches", {"branch": {"archived": True}}, 422, "the emulator does not do archived"),
            (
                "POST",
                "/branches",
                {"endpoints": [{"type": "read_write", "autoscaling_limit_max_cu": 4}]},
                422,
                "the emulator does not do autoscaling_limit_max_cu",
            ),
        ],
    )
    def test_refuses_as_neon_words_it(
        self, neon: Neon, method: str, path: str, body: Any, status: int, said: str
    ) -> None:
        place = path.format(main=neon.run.cloud.default.id)
        with pytest.raises(HTTPError) as refused:
            neon.call(method, f"/api/v2/projects/{neon.run.cloud.project}{place}", body)

        answer = json.loads(refused.value.read())
        assert refused.value.code == status
        assert answer.keys() == {"request_id", "code", "message"}
        assert said in answer["message"]

    def test_asks_for_a_name_and_an_owner_of_what_is_in_a_branch(self, neon: Neon) -> None:
        main = f"/api/v2/projects/{neon.run.cloud.project}/branches/{neon.run.cloud.default.id}"
        refused = []
        for place, body in (
            ("roles", {}),
            ("databases", {"database": {"name": "x" * 46, "owner_name": "neondb_owner"}}),
            ("databases", {"database": {"name": "shop", "owner_name": "nobody"}}),
            ("databases", {"database": {"name": "neondb", "owner_name": "neondb_owner"}}),
        ):
            with pytest.raises(HTTPError) as error:
                neon.call("POST", f"{main}/{place}", body)
            refused.append((error.value.code, json.loads(error.value.read())["message"]))

        assert refused == [
            (400, "request is not valid: role: Field required"),
            (400, "request is not valid: database.name: String should have at most 45 characters"),
            (404, "role not found"),
            (409, "database already exists"),
        ]

    def test_lets_nobody_write_by_a_read_only_compute(self, neon: Neon, branches: NeonBranches) -> None:
        make(branches)
        branch = branches._lookup.get_branch(PR).neon_branch.id
        path = f"/api/v2/projects/{neon.run.cloud.project}/endpoints"
        made = neon.call("POST", path, {"endpoint": {"branch_id": branch, "type": "read_only"}})
        branches.client.wait_for_operations(branch)
        url = branches.client.read_connection_uri(Endpoint(**made["endpoint"]), "neondb", "neondb_owner", pooled=False)

        assert ask(url, "SELECT body FROM note") == [("hello",)]
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            ask(url, "DELETE FROM note")
        assert ask(branches.url(PR).reveal(), "DELETE FROM note RETURNING 1") == [(1,)]

    def test_gives_the_children_of_a_protected_branch_passwords_of_their_own(
        self, neon: Neon, branches: NeonBranches
    ) -> None:
        make(branches, "parent")
        make(branches, "alike", parent="parent")
        (parent,) = [branch for branch in neon.run.cloud.branches.values() if branch.name == "parent"]
        parent.protected = True
        make(branches, parent="parent")

        passwords = [branches.url(name).connect_arguments()["password"] for name in ("alike", PR)]
        assert len({*passwords, *parent.passwords.values()}) == 2


class TestRetryAfter:
    def test_is_read_in_both_forms(self) -> None:
        assert parse_retry_after("3") == 3.0
        assert parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
        assert (parse_retry_after(""), parse_retry_after("soon")) == (None, None)


class TestSettings:
    def test_say_what_is_missing(self, neon: Neon) -> None:
        for missing in ("NEON_API_KEY", "NEON_PROJECT_ID"):
            with pytest.raises(NeonNotConfigured, match=f"{missing} is not set"):
                get_branch_provider(neon.configuration(**{missing: ""}))

    def test_choose_neon_by_its_address_or_by_the_project(self, neon: Neon) -> None:
        assert isinstance(get_branch_provider(neon.configuration()), NeonBranches)
        assert isinstance(get_branch_provider(neon.configuration(DATABASE_URL="")), NeonBranches)

    def test_with_a_key_that_is_refused(self, neon: Neon) -> None:
        with pytest.raises(NeonAuthenticationFailure) as refused:
            neon.branches(NEON_API_KEY="napi_wrong").list()

        assert "napi_wrong" not in str(refused.value)

    def test_with_a_project_that_is_not_known(self, neon: Neon) -> None:
        with pytest.raises(NeonProjectNotFound):
            neon.branches(NEON_PROJECT_ID="old-lab-1").list()

    def test_without_a_network(self, neon: Neon) -> None:
        branches = neon.branches(NEON_API_HOST="http://127.0.0.1:1/api/v2")
        wire = type(branches.client.http)(branches.client.http.access, timeout_seconds=0.1)

        with pytest.raises(NeonUnreachable, match=r"127\.0\.0\.1:1 does not answer"):
            NeonBranches(type(branches.client)(wire), branches.configuration).list()

    def test_never_show_the_key(self) -> None:
        loaded = load_configuration(find_project(ROOT), environ={"NEON_API_KEY": "napi_secret", "NEON_PROJECT_ID": "p"})
        access = NeonBranches.from_configuration(loaded).client.http.access

        assert "napi_secret" not in f"{loaded} {loaded.settings!r} {loaded.list_entries()} {access!r}"
        assert "napi_secret" not in loaded.settings.model_dump_json()
