"""Carries activities out with chaosaws, and is the AWS of both sides.

Reads a JSON line a question from standard input and answers each with one:
{"act": scenario}      what comes of the activity with chaosaws, and the calls that it made
{"answers": scenario}  starts anew with these answers, for whoever calls next
{"calls": true}        the calls since then
The first line it prints is {"endpoint": URL}.

A scenario has either `answers`, by service and operation, each a list of which the last stays, or `moto`: calls that
prepare an account of moto's. Every answer is an output as boto3 shows it, {"error": {"code", "message", "status"}}, or
"never".
"""

import functools
import http.server
import json
import logging
import os
import random
import re
import socketserver
import sys
import threading
import time
import urllib.parse

import boto3
import botocore.loaders
import botocore.session
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model

REQUEST_ID = "req-1"
# Nobody waits so long for an answer, in seconds.
LONG = 600
model = functools.cache(get_service_model)


# --- the AWS


class Aws:
    """What the server knows of the scenario that is being played."""

    def __init__(self):
        self.start({})

    def start(self, scenario):
        self.answers = {key: list(answers) for key, answers in scenario.get("answers", {}).items()}
        self.services = sorted({key.split(".")[0] for key in self.answers} | set(scenario.get("services", [])))
        self.calls = []

    def answer(self, method, path, headers, body):
        key, params = self.recognize(method, path, headers, body)
        self.calls.append(params)
        if not key or not self.answers.get(key):
            return refusal(model(key.split(".")[0]) if key else None, "NotInTheScenario", f"no answer to {key}", 400)
        service, operation = key.split(".")
        answers = self.answers[key]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if found == "never":
            time.sleep(LONG)
        if found and list(found) == ["error"]:
            error = {"status": 400, "message": "refused", **found["error"]}
            return refusal(model(service), error["code"], error["message"], error["status"])
        return success(model(service).operation_model(operation), found or {})

    def recognize(self, method, path, headers, body):
        """The service and the operation of a request, and what of it is compared."""
        scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", headers.get("authorization", ""))
        signing = scope.group(1) if scope else None
        url = urllib.parse.urlsplit(path)
        for service in self.candidates(signing):
            operation = operation_of(model(service), method, url, headers, body)
            if operation:
                return f"{service}.{operation}", shown(f"{service}.{operation}", method, path, headers, body)
        return None, shown(f"{signing}.?", method, path, headers, body)

    def candidates(self, signing):
        named = [name for name in self.services if signing in (model(name).signing_name, model(name).endpoint_prefix)]
        return named or self.services


def operation_of(service, method, url, headers, body):
    protocol = service.resolved_protocol
    if protocol in ("query", "ec2"):
        name = urllib.parse.parse_qs(body.decode()).get("Action", [""])[0]
        return name if name in service.operation_names else None
    if protocol == "json":
        prefix, _, name = headers.get("x-amz-target", "").rpartition(".")
        return name if prefix == service.metadata.get("targetPrefix") and name in service.operation_names else None
    query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
    best = None
    for name in service.operation_names:
        rule = service.operation_model(name).http
        uri, _, needs = rule["requestUri"].partition("?")
        parts = re.split(r"(\{[^}]+\})", uri)
        pattern = "".join(
            (".+" if part.endswith("+}") else "[^/]+") if part.startswith("{") else re.escape(part) for part in parts
        )
        needs = urllib.parse.parse_qs(needs, keep_blank_values=True)
        if rule["method"] == method and re.fullmatch(pattern + "/?", url.path or "/"):
            if all(key in query for key in needs):
                # The more literal text a rule has, the surer it is.
                weight = (len(needs), sum(len(part) for part in parts if not part.startswith("{")))
                if best is None or weight > best[0]:
                    best = (weight, name)
    return best and best[1]


def shown(name, method, path, headers, body):
    kept = {key: headers[key] for key in ("x-amz-target", "content-type") if key in headers}
    text = body.decode(errors="replace")
    if "urlencoded" in kept.get("content-type", ""):
        text = "&".join(sorted(text.split("&")))
    return {"operation": name, "request": f"{method} {path}", "headers": kept, "body": text}


def success(operation, output):
    serializer = get_serializer_class(operation.service_model.service_name, operation.service_model.resolved_protocol)
    answer = serializer(operation, SerializationContext(request_id=REQUEST_ID)).serialize(given(output))
    body = answer["body"]
    return answer["status_code"], answer["headers"], body if isinstance(body, bytes) else body.encode()


def given(value):
    """Times are written as {"$time": ISO 8601}: JSON has none."""
    if isinstance(value, dict):
        if list(value) == ["$time"]:
            import datetime

            return datetime.datetime.fromisoformat(value["$time"].replace("Z", "+00:00"))
        return {key: given(item) for key, item in value.items()}
    return [given(item) for item in value] if isinstance(value, list) else value


def refusal(service, code, message, status):
    protocol = service.resolved_protocol if service else "json"
    if protocol in ("query", "ec2", "rest-xml"):
        from xml.sax.saxutils import escape

        error = f"<Error><Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        ending = f"<RequestId>{REQUEST_ID}</RequestId>"
        if protocol == "ec2":
            text = f"<Response><Errors>{error}</Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
        elif service.service_name == "s3":
            text = error.replace("</Error>", ending + "</Error>")
        else:
            text = f"<ErrorResponse>{error}{ending}</ErrorResponse>"
        return status, {"Content-Type": "text/xml", "x-amz-request-id": REQUEST_ID}, text.encode()
    body = json.dumps({"__type": code, "message": message}).encode()
    return status, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        headers = {key.lower(): value for key, value in self.headers.items()}
        status, answered, body = aws.answer(self.command, self.path, headers, body)
        self.send_response_only(status)
        known = {key.lower() for key in answered}
        for key, value in {"x-amzn-RequestId": REQUEST_ID, **answered}.items():
            self.send_header(key, str(value))
        if "content-length" not in known:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = answer

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


# --- chaosaws


class Dice:
    """Draws as fracas does, so that both sides choose the same. See fracas-providers/src/catalogue/choice.rs."""

    def __init__(self, seed):
        self.seed = self.state = seed

    def below(self, count):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        return (mixed ^ (mixed >> 31)) % count

    def sample(self, population, count):
        if not 0 <= count <= len(population):
            raise ValueError("Sample larger than population or is negative")
        left, drawn = list(population), []
        while len(drawn) < count:
            place = self.below(len(left))
            drawn.append(left[place])
            left[place] = left[-1]
            left.pop()
        return drawn

    def choice(self, items):
        if not items:
            raise IndexError("Cannot choose from an empty sequence")
        return items[self.below(len(items))]


def act(scenario, dice):
    from chaoslib.exceptions import ActivityFailed
    from chaoslib.provider.python import run_python_activity

    boto3.DEFAULT_SESSION = None
    random.sample, random.choice = dice.sample, dice.choice
    provider = {"type": "python", **scenario["provider"]}
    activity = {"type": "action", "name": "it", "provider": provider}
    configuration = {"aws_region": "us-east-1", **scenario.get("configuration", {})}
    secrets = scenario.get("secrets", {})
    try:
        output = run_python_activity(activity, configuration, secrets)
        return {"output": json.loads(json.dumps(output, default=encoded))}
    except ActivityFailed as failure:
        return {"error": str(failure)}
    except Exception as error:
        return {"crash": f"{type(error).__module__}.{type(error).__qualname__}: {error}"}


def encoded(value):
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def main():
    # Sessions come and go, but service models stay what they are.
    loader = botocore.loaders.create_loader()
    botocore.loaders.create_loader = lambda *_: loader
    logging.disable(logging.CRITICAL)
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    os.environ.update(AWS_ENDPOINT_URL=endpoint, AWS_ACCESS_KEY_ID="AKID", AWS_SECRET_ACCESS_KEY="secret")
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        os.environ.pop(name, None)
    os.environ["AWS_MAX_ATTEMPTS"] = "1"
    say({"endpoint": endpoint})
    for line in sys.stdin:
        question = json.loads(line)
        if "act" in question:
            aws.start(question["act"])
            dice = Dice(question["act"].get("seed", 7))
            outcome = act(question["act"], dice)
            say({**outcome, "calls": aws.calls, "drew": dice.state != dice.seed})
        elif "answers" in question:
            aws.start(question["answers"])
            say({})
        else:
            say({"calls": aws.calls})


def say(answer):
    out.write(json.dumps(answer) + "\n")
    out.flush()


aws = Aws()
out = sys.stdout
sys.stdout = sys.stderr
main()
