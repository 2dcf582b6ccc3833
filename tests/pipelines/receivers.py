"""A real HTTP receiver on loopback for messages."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import SecretStr


@contextmanager
def webhook(status: int = 200, *, delay: float = 0.0) -> Iterator[tuple[SecretStr, list[dict[str, Any]]]]:
    """Give its apprise address and what it received; it answers after `delay` seconds."""
    received: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            time.sleep(delay)
            try:
                self.send_response(status)
                self.end_headers()
            except OSError:
                pass  # the sender was killed

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield SecretStr(f"json://127.0.0.1:{server.server_port}/"), received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
