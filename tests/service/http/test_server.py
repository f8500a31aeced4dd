"""Binding the service's port, and serving in a thread."""

import logging
import socket
import urllib.request

import pytest
from fastapi import FastAPI

from seedbed.errors import ListenFailure, PortInUse
from seedbed.service.http.instrumentation import AccessLogMiddleware, Metrics
from seedbed.service.http.server import format_url, listen, serve_in_thread

pytestmark = pytest.mark.unit


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestListen:
    def test_sets_the_protocol_so_that_asyncio_disables_nagle(self) -> None:
        with listen("127.0.0.1", free_port()) as listening, socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
            with accepted:
                assert accepted.proto == socket.IPPROTO_TCP

    def test_refuses_a_port_that_is_taken(self) -> None:
        with listen("127.0.0.1", free_port()) as first:
            port = first.getsockname()[1]

            with pytest.raises(PortInUse) as refused:
                listen("127.0.0.1", port)

        assert str(refused.value) == f"Port {port} on 127.0.0.1 is already in use."

    def test_can_try_the_next_ports(self) -> None:
        with listen("127.0.0.1", free_port()) as first:
            port = first.getsockname()[1]

            with listen("127.0.0.1", port, try_next_ports=True) as second:
                assert second.getsockname()[1] > port

    def test_listens_on_ipv6(self) -> None:
        if not socket.has_ipv6:
            pytest.skip("this machine has no IPv6")
        port = free_port()

        with listen("::1", port) as listening:
            assert format_url(listening) == f"http://[::1]:{port}"

    def test_refuses_an_address_of_another_machine(self) -> None:
        with pytest.raises(ListenFailure) as refused:
            listen("192.0.2.1", 8000)

        assert str(refused.value) == "The service cannot listen on 192.0.2.1:8000: Cannot assign requested address."


class TestServeInThread:
    def test_serves_for_the_length_of_a_block(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "seedbed.service")
        app = FastAPI()
        app.add_middleware(AccessLogMiddleware, metrics=Metrics(None))
        listening = listen("127.0.0.1", free_port())

        with serve_in_thread(app, listening) as url, urllib.request.urlopen(f"{url}/openapi.json") as answer:
            assert answer.status == 200

        assert vars(caplog.records[0])["facts"]["path"] == "/openapi.json"
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"{url}/openapi.json")
