"""Serves an answer for every operation of the services named, or of all, and prints what botocore reads out of it.

One JSON line a call: service, operation, region, parameters, the address that answers, and the result or the error's
text. Then waits for the end of its input.
"""

import base64
import calendar
import datetime
import email.utils
import io
import json
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import urllib3
from botocore.awsrequest import AWSResponse
from botocore.response import StreamingBody
from botocore.utils import parse_to_aware_datetime
from made_values import REGION, NotMade, Parameters, Results, clients, plain

SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
MOMENT = "2020-02-03T04:05:06Z"
SECONDS = calendar.timegm(parse_to_aware_datetime(MOMENT).timetuple())


def moment(shape, default):
    form = shape.serialization.get("timestampFormat", default).lower()
    if form == "unixtimestamp":
        return SECONDS
    return email.utils.formatdate(SECONDS, usegmt=True) if form == "rfc822" else MOMENT


def wire_name(shape, name):
    return shape.serialization.get("name", name)


def in_body(shape, value):
    """The members that travel in the body: name on the wire, shape, value."""
    for name, item in value.items():
        member = shape.members[name]
        if member.serialization.get("location") not in ("header", "headers", "statusCode"):
            yield wire_name(member, name), member, item


def to_json(shape, value):
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return value
        return {name: to_json(member, item) for name, member, item in in_body(shape, value)}
    if kind == "list":
        return [to_json(shape.member, item) for item in value]
    if kind == "map":
        return {key: to_json(shape.value, item) for key, item in value.items()}
    if kind == "timestamp":
        return moment(shape, "unixtimestamp")
    return plain(value)


def element(name, content, attributes=""):
    return f"<{name}{attributes}>{content}</{name}>"


def to_xml(shape, value, name):
    flat = shape.serialization.get("flattened")
    kind = shape.type_name
    if kind == "structure":
        attributes, inner = "", ""
        for wire, member, item in in_body(shape, value):
            if member.serialization.get("xmlAttribute"):
                attributes += f' xmlns:xsi="{SCHEMA}" {wire}="{item}"'
            else:
                inner += to_xml(member, item, wire)
        return element(name, inner, attributes)
    if kind == "list":
        item_name = wire_name(shape.member, name if flat else "member")
        items = "".join(to_xml(shape.member, item, item_name) for item in value)
        return items if flat else element(name, items)
    if kind == "map":
        entries = "".join(
            element(
                name if flat else "entry",
                to_xml(shape.key, key, wire_name(shape.key, "key"))
                + to_xml(shape.value, item, wire_name(shape.value, "value")),
            )
            for key, item in value.items()
        )
        return entries if flat else element(name, entries)
    return element(name, escape(simple(shape, value, "iso8601")))


def simple(shape, value, timestamp_format):
    """A scalar as text."""
    if shape.type_name == "timestamp":
        return str(moment(shape, timestamp_format))
    if shape.type_name == "boolean":
        return "true" if value else "false"
    return str(plain(value))


def to_cbor(shape, value):
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        if number < 256:
            return bytes([major << 5 | 24, number])
        return bytes([major << 5 | 25]) + number.to_bytes(2, "big")

    def text(string):
        return head(3, len(string.encode())) + string.encode()

    def number(value):
        return b"\xfb" + struct.pack(">d", value)

    kind = shape.type_name
    if kind == "structure":
        members = (text(name) + to_cbor(shape.members[name], item) for name, item in value.items())
        return head(5, len(value)) + b"".join(members)
    if kind == "list":
        return b"\x9f" + b"".join(to_cbor(shape.member, item) for item in value) + b"\xff"
    if kind == "map":
        return head(5, len(value)) + b"".join(text(key) + to_cbor(shape.value, item) for key, item in value.items())
    if kind == "timestamp":
        return b"\xc1" + number(SECONDS + 0.5)
    if kind == "blob":
        return head(2, len(value)) + value
    if kind == "boolean":
        return b"\xf5" if value else b"\xf4"
    if kind in ("integer", "long"):
        return head(0, value)
    return number(value) if kind in ("float", "double") else text(value)


def header(shape, value):
    if shape.type_name == "list":
        return ", ".join(header(shape.member, item) for item in value)
    if shape.serialization.get("jsonvalue"):
        return base64.b64encode(json.dumps({"a": 1}).encode()).decode()
    return simple(shape, value, "rfc822")


def query_body(operation, protocol, value):
    shape = operation.output_shape
    metadata = "<requestId>req-2</requestId>"
    if protocol == "query":
        metadata = element("ResponseMetadata", "<RequestId>req-2</RequestId>")
    if shape is None:
        return element("Response", metadata + ("" if protocol == "query" else "<return>true</return>"))
    wrapper = shape.serialization.get("resultWrapper")
    if wrapper:
        return element("Response", to_xml(shape, value, wrapper) + metadata)
    return to_xml(shape, value, "Response").removesuffix("</Response>") + metadata + "</Response>"


def rest_headers(shape, value):
    headers = {}
    for name, item in value.items():
        member = shape.members[name]
        location, wire = member.serialization.get("location"), wire_name(member, name)
        # The length of the body is as long as the body is.
        if location == "header" and wire.lower() != "content-length":
            headers[wire] = header(member, item)
        elif location == "headers":
            letters = {key: "".join(c for c in key if c.isascii() and c.isalnum()) for key in item}
            prefix = member.serialization.get("name", "")
            headers.update({(prefix + letters[key]).lower(): text for key, text in item.items()})
    return headers


def rest_body(shape, protocol, value):
    payload = shape.serialization.get("payload")
    name = "Response"
    if payload:
        if payload not in value:
            return b""
        shape, value, name = shape.members[payload], value[payload], payload
        if shape.type_name in ("blob", "string"):
            return value if isinstance(value, bytes) else value.encode()
    if protocol == "rest-json":
        return json.dumps(to_json(shape, value)).encode()
    return ('<?xml version="1.0"?>\n' + to_xml(shape, value, wire_name(shape, name))).encode()


def answer(operation, protocol, value):
    """Status, headers and body of an answer that holds the value."""
    shape = operation.output_shape
    status = operation.http.get("responseCode", 200)
    headers, body = {"x-amzn-RequestId": "req-1"}, b""
    if protocol in ("query", "ec2"):
        body = query_body(operation, protocol, value).encode()
    elif protocol == "smithy-rpc-v2-cbor":
        headers["smithy-protocol"] = "rpc-v2-cbor"
        body = to_cbor(shape, value) if shape else b""
    elif shape is not None and protocol == "json":
        body = json.dumps(to_json(shape, value)).encode()
    elif shape is not None:
        headers |= rest_headers(shape, value)
        body = rest_body(shape, protocol, value)
    if status == 204 or operation.http["method"] == "HEAD":
        body = b""
    return status, headers | {"content-length": str(len(body))}, body


def can_be_sent(headers):
    return all(value.isascii() and value.isprintable() for value in headers.values())


class Handler(BaseHTTPRequestHandler):
    """The path's first part is the number of the answer."""

    protocol_version = "HTTP/1.1"
    # One write an answer: two would wait for each other.
    wbufsize = -1
    answers = []

    def any(self):
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        self.rfile.read(int(self.headers.get("content-length") or 0))
        status, headers, body = self.answers[int(self.path.split("/")[1].split("?")[0])]
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = any

    def log_message(self, *_):
        pass


def shown(value):
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, StreamingBody):
        return plain(value.read())
    return value.isoformat() if isinstance(value, datetime.datetime) else plain(value)


def read(client, operation, params, response):
    status, headers, body = response

    def respond(request, **_):
        raw = urllib3.response.HTTPResponse(io.BytesIO(body), headers, status, preload_content=False)
        return AWSResponse(request.url, status, raw.headers, raw)

    client.meta.events.register_first("before-send", respond)
    try:
        return {"result": shown(client._make_api_call(operation.name, params))}
    except Exception as error:
        return {"error": str(error)}
    finally:
        client.meta.events.unregister("before-send", respond)


def calls(client, operation):
    protocol = client.meta.service_model.resolved_protocol
    for odd in (False, True):
        try:
            params = Parameters(operation, full=False, odd=False).all()
            shape = operation.output_shape
            value = Results(odd).structure(shape, 0, frozenset()) if shape else {}
        except (NotMade, RecursionError):
            continue
        response = answer(operation, protocol, value)
        if can_be_sent(response[1]):
            yield params, response


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    for service, client, operations in clients(parameter_validation=False, retries={"mode": "standard"}):
        for operation in operations:
            line = {"service": service, "operation": operation.name, "region": REGION}
            if operation.has_event_stream_output:
                print(json.dumps({**line, "left_out": "a stream of events"}))
                continue
            for params, response in calls(client, operation):
                line |= {"params": plain(params), "endpoint_url": f"{address}/{len(Handler.answers)}"}
                Handler.answers.append(response)
                outcome = read(client, operation, params, response)
                print(json.dumps({**line, **outcome}, default=lambda value: f"a {type(value).__name__}"), flush=True)
    # Whoever reads the lines still asks for the answers.
    sys.stdout.close()
    sys.stdin.read()


main()
