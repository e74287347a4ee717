"""Stands up the servers that a test or the demo asks for, and prints their ports as one JSON line.

    python stage.py moto movies:8000 hanging

Each argument is NAME or NAME:PORT; without a port the system picks one. Everything listens on loopback only and
ends when standard input closes, so nothing outlives the process that started the stage.
"""

import http.server
import json
import os
import socket
import sys
import threading
import time
import urllib.parse

MOVIE = {
    "result": {
        "id": "64d89bcbb519d236c519466c",
        "name": "The Dark Knight",
        "year": "2008",
        "directors": ["Christopher Nolan"],
        "writers": ["Jonathan Nolan", "Christopher Nolan"],
        "boxOffice": {"budget": 185000000, "gross": 533316061},
    }
}
HOST = "127.0.0.1"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers like a small Go service: exactly the headers it is given, and a date."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, content_type, body):
        self.send_response_only(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Date", self.date_time_string())
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Movies(Handler):
    """The web API whose health the walkthrough watches."""

    def do_GET(self):
        if self.path == "/v1/movies/" + MOVIE["result"]["id"]:
            body = json.dumps(MOVIE, separators=(",", ":")).encode()
            self.answer(200, "application/json; charset=utf-8", body)
        else:
            self.answer(404, "application/json; charset=utf-8", b'{"error":"no such movie"}')


class Garbage(Handler):
    """A captive portal: success and HTML, whatever is asked."""

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(200, "text/html", b"<html><body><h1>Welcome to the hotel</h1></body></html>")

    do_POST = do_PUT = do_GET


class Files(Handler):
    """The files of the working directory, typed by extension; `.txt` goes out as text, an unknown one untyped."""

    TYPES = {".json": "application/json", ".yaml": "application/x-yaml", ".txt": "text/plain"}

    def do_GET(self):
        name = os.path.basename(self.path)
        if not os.path.isfile(name):
            return self.answer(404, "text/plain", b"not here")
        with open(name, "rb") as file:
            self.answer(200, self.TYPES.get(os.path.splitext(name)[1]), file.read())


class Locked(Files):
    """The same files, for those who have the token."""

    def do_GET(self):
        if self.headers.get("Authorization") != "bearer let-me-in":
            return self.answer(401, "text/plain", b"who are you?")
        super().do_GET()


class Endless(Handler):
    """An answer that never ends."""

    def do_GET(self):
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" " * 65536)
        except OSError:
            self.close_connection = True


class Looping(Handler):
    """A redirect to itself."""

    def do_GET(self):
        self.send_response_only(302)
        self.send_header("Location", self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()


class Vault(Handler):
    """A HashiCorp Vault with one secret, in an engine of each version, and three ways in."""

    TOKEN = "s.opens-the-vault"
    SECRET = {"user": "me", "password": "hunter2-of-the-vault", "port": 5432}
    SECRETS = {
        "/v1/secret/data/team/db": {"data": SECRET, "metadata": {"version": 3}},
        "/v1/old/team/db": SECRET,
    }
    LOGINS = {
        "/v1/auth/approle/login": {"role_id": "chaos", "secret_id": "chaos-secret"},
        "/v1/auth/kubernetes/login": {"role": "chaos", "jwt": "a-jwt"},
    }

    def answer_json(self, status, value):
        self.answer(status, "application/json", json.dumps(value).encode())

    def do_GET(self):
        if self.headers.get("X-Vault-Request") != "true":
            self.answer_json(400, {"errors": ["missing required header"]})
        elif self.headers.get("X-Vault-Token") != self.TOKEN:
            self.answer_json(403, {"errors": ["permission denied"]})
        elif self.path in self.SECRETS:
            self.answer_json(200, {"data": self.SECRETS[self.path], "lease_id": ""})
        else:
            self.answer_json(404, {"errors": []})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.LOGINS.get(self.path) == body:
            self.answer_json(200, {"auth": {"client_token": self.TOKEN}})
        else:
            self.answer_json(400, {"errors": ["invalid role or secret ID"]})


class Echo(Handler):
    """Answers as its path and query ask for.

    /mirror           what was asked, as JSON, without the headers that every client sets in its own way
    /record           as /mirror, and what was asked is noted in the file `asked`
    /given            with `status`, `type`, `body` or `hex`, and any number of `header=NAME:VALUE` of the query
    /redirect?to=URL  there, with `status` or 302
    /loop             to itself
    /flaky?times=N    drops the connection the first N times, then answers as /mirror does
    /cut              ends in the middle of the body
    /big              a gigabyte
    /endless          a byte now and then
    """

    dropped = 0
    UNTOLD = {"host", "user-agent", "accept-encoding", "accept", "connection"}

    def do_GET(self):
        path, _, query = self.path.partition("?")
        query = urllib.parse.parse_qs(query, keep_blank_values=True)
        self.one = lambda name, default: query.get(name, [default])[0]
        self.query = query
        self.sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        known = [self.record, self.given, self.redirect, self.loop, self.flaky, self.cut, self.big, self.endless]
        {f"/{answer.__name__}": answer for answer in known}.get(path, self.mirror)()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_GET

    def mirror(self):
        told = {name.lower(): value for name, value in self.headers.items() if name.lower() not in self.UNTOLD}
        body = self.sent.decode("utf-8", "backslashreplace")
        asked = {"method": self.command, "path": self.path, "headers": dict(sorted(told.items())), "body": body}
        self.answer(200, "application/json", json.dumps(asked).encode())
        return asked

    def record(self):
        asked = self.mirror()
        try:
            event = json.loads(asked["body"])
            asked["body"] = {"keys": list(event), "name": event["name"], "phase": event["phase"]}
        except (ValueError, KeyError):
            pass
        asked["headers"].pop("content-length", None)
        with open("asked", "a") as file:
            print(json.dumps(asked), file=file)

    def given(self):
        body = bytes.fromhex(self.one("hex", "")) or self.one("body", "").encode()
        self.send_response_only(int(self.one("status", "200")))
        for header in self.query.get("header", []):
            self.send_header(*header.split(":", 1))
        if "type" in self.query:
            self.send_header("Content-Type", self.one("type", ""))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, to=None):
        self.send_response_only(int(self.one("status", "302")))
        self.send_header("Location", to or self.one("to", "/mirror"))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def loop(self):
        self.redirect("/loop")

    def flaky(self):
        Echo.dropped += 1
        if Echo.dropped <= int(self.one("times", "1")):
            self.close_connection = True
        else:
            self.mirror()

    def cut(self):
        self.head(100)
        self.wfile.write(b"half")
        self.close_connection = True

    def big(self):
        self.head(1 << 30)
        for _ in range(1 << 10):
            self.wfile.write(bytes(1 << 20))

    def endless(self):
        self.head(1 << 30)
        while True:
            self.wfile.write(b".")
            time.sleep(0.1)

    def head(self, length):
        self.send_response_only(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # the client has seen enough


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True


def patiently(open_port):
    """Opens a port that another test may hold for a moment."""
    for _ in range(600):
        try:
            return open_port()
        except OSError as error:
            reason = error
            time.sleep(0.1)
    sys.exit(f"a port that a test needs stayed taken for a minute: {reason}")


def serve(handler):
    def start(port):
        server = patiently(lambda: Server((HOST, port), handler))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    return start


def moto(port):
    """A local AWS that holds the walkthrough's cluster."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=HOST, port=port, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    seed(port)
    return port


def seed(port):
    """Makes the cluster `chaos` with the writer `chaos` and the reader `chaos2`.

    Moto refuses to create DocumentDB clusters. DocumentDB, Neptune and RDS share one API and one backend there, so a
    Neptune cluster answers the same DescribeDBClusters and FailoverDBCluster calls in the same words.
    """
    import boto3

    rds = boto3.client(
        "rds",
        region_name="cn-north-1",
        endpoint_url=f"http://{HOST}:{port}",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    rds.create_db_cluster(DBClusterIdentifier="chaos", Engine="neptune")
    for instance in ["chaos", "chaos2"]:
        rds.create_db_instance(
            DBInstanceIdentifier=instance,
            DBClusterIdentifier="chaos",
            DBInstanceClass="db.r5.large",
            Engine="neptune",
        )


OPEN_SOCKETS = []


def bound(listen):
    def start(port):
        listener = socket.socket()
        listener.bind((HOST, port))
        if listen:
            listener.listen()
        OPEN_SOCKETS.append(listener)
        return listener.getsockname()[1]

    return start


SERVERS = {
    "moto": moto,
    "movies": serve(Movies),
    "garbage": serve(Garbage),
    "files": serve(Files),
    "locked": serve(Locked),
    "endless": serve(Endless),
    "looping": serve(Looping),
    "vault": serve(Vault),
    "echo": serve(Echo),
    # Accepted by the kernel, never read, never answered.
    "hanging": bound(listen=True),
    # The port is held, so nobody else takes it, but nothing listens.
    "refusing": bound(listen=False),
}


def main():
    ports = {}
    for argument in sys.argv[1:]:
        name, _, port = argument.partition(":")
        ports[name] = SERVERS[name](int(port or 0))
    print(json.dumps(ports), flush=True)
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
