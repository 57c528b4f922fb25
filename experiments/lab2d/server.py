"""The server of the page: this machine alone, and one sentence for what cannot be."""

import http.server
import json
import urllib.parse
from typing import Any

from experiments.lab2d import document, requests
from experiments.lab2d.laboratory import Laboratory

HOST = "127.0.0.1"
LONGEST = 2**16  # bytes of a request
POLL = 1.0  # seconds that a request waits for another picture, at most
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline';"
    " style-src 'unsafe-inline'; connect-src 'self'; img-src data:;"
    " frame-ancestors 'none'",
}


def serving(laboratory: Laboratory, port: int) -> http.server.ThreadingHTTPServer:
    """Makes the server; `serve_forever` serves.

    Raises:
        ValueError: the port is taken or not allowed.
    """
    page = document.page().encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self):
            self._answer(self._get)

        def do_POST(self):
            self._answer(self._post)

        def _answer(self, make):
            try:
                self._check_sender()
                made = make()
            except ValueError as error:
                said = " ".join(str(error).split())
                return self._send(400, json.dumps({"error": said}).encode())
            if isinstance(made, bytes):
                return self._send(200, made, "text/html; charset=utf-8")
            if made is None:
                said = f"there is no page {self.path[:80]!r}; open /"
                return self._send(404, json.dumps({"error": said}).encode())
            return self._send(200, json.dumps(made, allow_nan=False).encode())

        def _get(self) -> Any:
            path, _, query = self.path.partition("?")
            if path == "/":
                return page
            if path == "/frame":
                wanted = requests.frame(urllib.parse.parse_qs(query))
                return laboratory.frame(**wanted, wait=POLL)
            return None

        def _post(self) -> Any:
            told = requests.read(self._body())
            if self.path == "/change":
                laboratory.change(requests.changed(laboratory.setting, told))
            elif self.path == "/act":
                laboratory.act(str(told.get("what"))[:80])
            else:
                return None
            return {}

        def _check_sender(self):
            """Refuses what other pages in the browser send, under any name."""
            names = {f"{name}:{port}" for name in (HOST, "localhost")}
            origin = self.headers.get("Origin")
            ours = origin is None or origin in {f"http://{name}" for name in names}
            if self.headers.get("Host") not in names or not ours:
                self.close_connection = True
                raise ValueError(f"open http://{HOST}:{port}; other names are refused")

        def _body(self) -> bytes:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > LONGEST:
                self.close_connection = True  # what follows is not read
                raise ValueError(
                    f"the length of the request is {length[:20] or 'missing'}; it must"
                    f" be at most {LONGEST} bytes"
                )
            return self.rfile.read(int(length))

        def _send(self, status, body, kind="application/json"):
            self.send_response(status)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format, *args):
            """Says nothing: the page asks many times a second."""

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            """Says nothing of pages that were closed while they were answered."""

    try:
        return Server((HOST, port), Handler)
    except OSError as error:
        raise ValueError(
            f"cannot serve at {HOST}:{port} ({error.strerror}); give another --port"
        ) from None
