"""gunicorn with quick answers in its loop: plain questions at once, all others its own way, nobody waits for others."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from geo_service.settings import ROOT

pytest.importorskip("gunicorn")

from geo_service.cli.quick_worker import read_request

LONGEST_S = 30.0
ITEMS = "/ogc/collections/waterlogging_zones/items"
QUICK = b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nConnection: keep-alive\r\n"
"""How an answer of the loop begins: gunicorn's own have the date second."""
PLAIN = b"GET /a?b=1 HTTP/1.1\r\nHost: h:1\r\nX-Request-ID: 7\r\n\r\n"


def test_a_plain_request_is_read_like_gunicorn_reads_it() -> None:
    found = read_request(PLAIN, "10.0.0.7", proxies=0)
    assert found is not None
    assert (found["PATH_INFO"], found["QUERY_STRING"], found["HTTP_HOST"]) == ("/a", "b=1", "h:1")
    assert (found["HTTP_X_REQUEST_ID"], found["REMOTE_ADDR"]) == ("7", "10.0.0.7")
    behind = PLAIN.replace(b"X-Request-ID", b"X-Forwarded-Proto")
    assert read_request(behind, "10.0.0.7", proxies=0) is None, "who says so is not known"
    assert read_request(behind, "10.0.0.7", proxies=1)


@pytest.mark.parametrize(
    "asked",
    [
        PLAIN[:-2],
        PLAIN + PLAIN,
        PLAIN + b"x",
        PLAIN.replace(b"GET", b"POST"),
        PLAIN.replace(b"1.1", b"1.0", 1),
        PLAIN.replace(b"GET ", b"GET  "),
        PLAIN.replace(b"/a?b=1", b"http://h/a"),
        PLAIN.replace(b"/a?b=1", b"/%61?b=1"),
        PLAIN.replace(b"/a?b=1", b"/a?b=1#c"),
        PLAIN.replace(b"/a?b=1", "/á".encode()),
        PLAIN.replace(b"Host: h:1\r\n", b""),
        PLAIN.replace(b"Host: h:1\r\n", b"Host: h:1\r\nHost: h:2\r\n"),
        PLAIN.replace(b"Host: h:1\r\n", b"Host: h:1\r\n folded\r\n"),
        PLAIN.replace(b"Host: h:1\r\n", b"Host : h:1\r\n"),
        PLAIN.replace(b"X-Request-ID: 7", b"Connection: close"),
        PLAIN.replace(b"X-Request-ID: 7", b"Content-Length: 3"),
        PLAIN.replace(b"X-Request-ID: 7", b"Transfer-Encoding: chunked"),
        PLAIN.replace(b"X-Request-ID: 7", b"Expect: 100-continue"),
        PLAIN.replace(b"X-Request-ID: 7", b"X_Request_ID: 7"),
        PLAIN.replace(b"X-Request-ID: 7", b"X-Request-ID: \x017"),
        PLAIN.replace(b"\r\n", b"\n"),
    ],
)
def test_what_is_not_whole_alone_and_plain_is_left_to_gunicorn(asked: bytes) -> None:
    assert read_request(asked, "10.0.0.7", proxies=1) is None


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A service of one gunicorn process with two threads whose layer was asked for once."""
    settings = {"HOME": str(tmp_path_factory.mktemp("quick")), "SERVER": "gunicorn", "WORKERS": "1", "THREADS": "2"}
    environment = {**os.environ, **{f"GEO_SERVICE_{name}": value for name, value in settings.items()}}
    command = [sys.executable, "-m", "geo_service", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        found = next(f for line in process.stdout if (f := re.search(r"http://127\.0\.0\.1:(\d+)/", line)))
        number = int(found[1])
        with connection(number) as client:
            for _ in range(2):
                ask(client, f"{ITEMS}?limit=1")
                ask(client, f"{ITEMS}?bbox=117.1,39.0,117.2,39.2")
        yield number
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST_S) == 0


def connection(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=LONGEST_S)


def request_of(path: str, *more: str) -> bytes:
    return "\r\n".join((f"GET {path} HTTP/1.1", "Host: here:80", *more, "", "")).encode()


def ask(client: socket.socket, path: str, *more: str) -> tuple[bytes, bytes]:
    client.sendall(request_of(path, *more))
    return read(client)


def read(client: socket.socket, taken: bytes = b"") -> tuple[bytes, bytes]:
    """Head and body of one answer."""
    while b"\r\n\r\n" not in taken:
        taken += client.recv(1 << 16)
    head, _, body = taken.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length, head
    while len(body) < int(length[1]):
        body += client.recv(1 << 16)
    return head, body[: int(length[1])]


@pytest.mark.slow
def test_a_kept_connection_is_answered_in_the_loop_and_by_threads_alike(port: int) -> None:
    own = "Accept-Encoding: identity;q=1"
    with connection(port) as client:
        ask(client, "/healthz")
        for path in (f"{ITEMS}?limit=7", f"{ITEMS}?limit=3&bbox=117.1,39.0,117.2,39.2", f"{ITEMS}/NK-JSD-001"):
            head, body = ask(client, path)
            threads_head, threads_body = ask(client, path, own)
            assert head.startswith(QUICK), head
            assert not threads_head.startswith(QUICK)
            assert re.sub(rb'"timeStamp":"[^"]+"', b"", body) == re.sub(rb'"timeStamp":"[^"]+"', b"", threads_body)
            fleeting = (b"date", b"x-request-id")
            assert lines(head, fleeting) == lines(threads_head, fleeting)
            assert b"here/ogc" in body, "the port of the scheme is left out, as the application does"


def lines(head: bytes, without: tuple[bytes, ...]) -> list[bytes]:
    return sorted(line for line in head.lower().split(b"\r\n") if not line.startswith(without))


@pytest.mark.slow
def test_requests_sent_together_or_in_pieces_are_all_answered_in_turn(port: int) -> None:
    with connection(port) as client:
        ask(client, "/healthz")
        client.sendall(request_of(f"{ITEMS}?limit=1") + request_of(f"{ITEMS}?limit=2"))
        text = b""
        while text.count(b"numberReturned") < 2 or not text.endswith(b"]}"):
            text += client.recv(1 << 16)
        assert [int(n) for n in re.findall(rb'"numberReturned":(\d+)', text)] == [1, 2]
        whole = request_of(f"{ITEMS}?limit=3")
        client.sendall(whole[:20])
        with connection(port) as other:
            assert b"200 OK" in ask(other, "/healthz")[0], "half a request keeps nobody waiting"
        client.sendall(whole[20:])
        assert b'"numberReturned":3' in read(client)[1]
        assert ask(client, f"{ITEMS}?limit=1")[0].startswith(QUICK)


@pytest.mark.slow
def test_a_client_that_takes_nothing_keeps_nobody_waiting(port: int) -> None:
    with connection(port) as slow, connection(port) as other:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for client in (slow, other):
            ask(client, "/healthz")
        asked = f"{ITEMS}?limit=1000"
        size = len(ask(other, asked)[1])
        for _ in range(3):
            assert ask(other, f"{ITEMS}?limit=1")[0].startswith(QUICK)
            slow.sendall(request_of(asked))
            assert ask(other, asked)[0].startswith(QUICK)
            assert len(read(slow)[1]) == size
