"""gunicorn's threaded worker that answers plain questions in the thread that hears them.

Handing a request to a thread of the pool and back costs 0.2 ms, threads that wait for each other's interpreter lock
more; a quick answer (:mod:`geo_service.web.quick`) costs less than that. So what comes in over a kept
connection is looked at first: where it is one whole plain request with a quick answer, it is answered here, without
ever waiting for the client; everything else goes gunicorn's own way, untouched.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from geo_service.usecases.item_pages import Part
from geo_service.web.quick import Answer

LONGEST_HEAD = 4_096
"""Bytes of a request with all its headers; longer ones are not plain."""
MOST_PARTS = 1_024
"""Parts that Linux sends in one call (IOV_MAX)."""
END = b"\r\n\r\n"
REQUEST = re.compile(r"GET (/[!-$&->@-~]*)(?:\?([!-\"$-~]*))? HTTP/1\.1")
HEADER = re.compile(r"([A-Za-z0-9-]+):[ \t]*([ -~]*?)[ \t]*")
REFUSED = frozenset({
    "HTTP_CONTENT_LENGTH", "HTTP_CONTENT_TYPE", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_UPGRADE",
    "HTTP_X_FORWARDED_PROTOCOL", "HTTP_X_FORWARDED_SSL", "HTTP_X_FORWARDED_PREFIX",
})  # fmt: skip
"""Headers that make a request one for gunicorn's parser."""
FORWARDED = "HTTP_X_FORWARDED_PROTO"

Door = Callable[[dict[str, Any], None], Answer | None]


class QuickWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker whose event loop gives quick answers, and whose threads give all others."""

    door: Door | None = None
    proxies = 0

    def load_wsgi(self) -> None:
        """Load the application, and its quick answers where asking for the head of a layer never waits."""
        super().load_wsgi()
        here = self.wsgi.extensions["deployment"]
        self.proxies = here.settings.proxies
        if here.store.database.is_embedded and not self.cfg.is_ssl:
            self.door = self.wsgi.extensions["door"]

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Answer what came in over a kept connection, or hand it to a thread."""
        rest = self._answer(conn)
        if rest is None:
            super().on_client_socket_readable(conn, client)
            return
        self.keepalived_conns.remove(conn)
        if rest:
            self.poller.unregister(client)
            sent = self.tpool.submit(_send_rest, conn, rest)
            sent.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
            return
        conn.set_timeout()
        self.keepalived_conns.append(conn)

    def _answer(self, conn: TConn) -> bytes | None:
        """What the client has not taken yet of a quick answer, None where there is none."""
        if self.door is None or not self.alive or conn.is_http2:
            return None
        try:
            asked = conn.sock.recv(LONGEST_HEAD, socket.MSG_PEEK)
            environ = read_request(asked, conn.client[0], proxies=self.proxies)
            found = self.door(environ, None) if environ else None
            if found is None:
                return None
            conn.sock.recv(len(asked))
            return _send(conn.sock, [head_of(found), *found.parts])
        except OSError:
            return None


def read_request(asked: bytes, client: str, *, proxies: int) -> dict[str, Any] | None:
    """The environment of a request that is whole, alone and plain, else None."""
    if asked.find(END) != len(asked) - len(END):
        return None
    first, *lines = asked[: -len(END)].decode("latin-1").split("\r\n")
    request = REQUEST.fullmatch(first)
    if request is None:
        return None
    environ: dict[str, Any] = {}
    for line in lines:
        header = HEADER.fullmatch(line)
        name = f"HTTP_{header[1].upper().replace('-', '_')}" if header else ""
        if header is None or name in environ:
            return None
        environ[name] = header[2]
    if not _is_plain(environ, proxies):
        return None
    return environ | {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": request[1],
        "QUERY_STRING": request[2] or "",
        "REMOTE_ADDR": client,
        "SERVER_NAME": "",
        "SERVER_PORT": "",
        "wsgi.url_scheme": "http",
    }


def _is_plain(headers: dict[str, Any], proxies: int) -> bool:
    """Whether the connection stays open, nothing follows the request, and who forwarded it is known."""
    stays = headers.get("HTTP_CONNECTION", "keep-alive").lower() == "keep-alive"
    known = proxies or FORWARDED not in headers
    return bool(stays and known and "HTTP_HOST" in headers and REFUSED.isdisjoint(headers))


def head_of(answer: Answer) -> bytes:
    """Status line and headers as they are sent."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in answer.headers])
    return f"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nConnection: keep-alive\r\n{lines}\r\n".encode("latin-1")


def _send(client: socket.socket, parts: list[Part]) -> bytes:
    """Send what the client takes at once, without joining the parts; the rest comes back."""
    try:
        sent = client.sendmsg(parts if len(parts) <= MOST_PARTS else [b"".join(parts)])
    except BlockingIOError:
        sent = 0
    return b"" if sent == sum(map(len, parts)) else b"".join(parts)[sent:]


def _send_rest(conn: TConn, rest: bytes) -> bool:
    """Wait, in a thread, until a slow client has taken the rest; whether its connection may be kept."""
    try:
        conn.sock.setblocking(True)
        conn.sock.sendall(rest)
    except OSError:
        return False
    return True
