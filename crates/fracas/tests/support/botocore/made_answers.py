"""Answers of services: values as each protocol writes them, in the body, the headers and the status."""

import base64
import binascii
import calendar
import email.utils
import json
import struct
from xml.sax.saxutils import escape

from made_values import NotMade, plain

SCHEMA = "http://www.w3.org/2001/XMLSchema-instance"
REQUEST_ID = "req-1"


def moment(shape, value, default):
    form = shape.serialization.get("timestampFormat", default).lower()
    if form == "unixtimestamp":
        return value.timestamp() if value.microsecond else int(value.timestamp())
    if form == "rfc822":
        return email.utils.formatdate(calendar.timegm(value.timetuple()), usegmt=True)
    return value.isoformat().replace("+00:00", "Z")


def wire_name(shape, name):
    return shape.serialization.get("name", name)


def in_body(shape, value):
    """The members that travel in the body: name on the wire, shape, value."""
    for name, item in value.items():
        member = shape.members[name]
        elsewhere = member.serialization.get("location") in ("header", "headers", "statusCode")
        if not elsewhere and not member.serialization.get("eventheader"):
            yield wire_name(member, name), member, item


def to_json(shape, value):
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return value
        # Services send null for what is not set, and members that no model knows yet.
        unset = {wire_name(member, name): None for name, member in shape.members.items()}
        known = {name: to_json(member, item) for name, member, item in in_body(shape, value)}
        return (unset if shape.is_tagged_union else {"UnknownMember": {}}) | known if value else {}
    if kind == "list":
        return [to_json(shape.member, item) for item in value]
    if kind == "map":
        return {key: to_json(shape.value, item) for key, item in value.items()}
    if kind == "timestamp":
        return moment(shape, value, "unixtimestamp")
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
        unknown = "" if shape.is_tagged_union or not value else "<UnknownMember><member/></UnknownMember>\n"
        return element(name, inner + unknown, attributes)
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
        return str(moment(shape, value, timestamp_format))
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
        members = [text(name) + to_cbor(member, item) for name, member, item in in_body(shape, value)]
        return head(5, len(members)) + b"".join(members)
    if kind == "list":
        return b"\x9f" + b"".join(to_cbor(shape.member, item) for item in value) + b"\xff"
    if kind == "map":
        return head(5, len(value)) + b"".join(text(key) + to_cbor(shape.value, item) for key, item in value.items())
    if kind == "timestamp":
        return b"\xc1" + number(value.timestamp())
    if kind == "blob":
        return head(2, len(value)) + value
    if kind == "boolean":
        return b"\xf5" if value else b"\xf4"
    if kind in ("integer", "long"):
        return head(0, value)
    return number(value) if kind in ("float", "double") else text(value)


def document(protocol, shape, value, name):
    """A value as the body of an answer or of an event."""
    if protocol in ("json", "rest-json"):
        return json.dumps(to_json(shape, value)).encode()
    if protocol == "smithy-rpc-v2-cbor":
        return to_cbor(shape, value)
    return ('<?xml version="1.0"?>\n' + to_xml(shape, value, wire_name(shape, name))).encode()


def header(shape, value):
    if shape.type_name == "list":
        return ", ".join(header(shape.member, item) for item in value)
    if shape.serialization.get("jsonvalue"):
        return base64.b64encode(json.dumps({"a": 1}).encode()).decode()
    return simple(shape, value, "rfc822")


def message(headers, payload):
    """One message of a stream of events."""
    head = b"".join(bytes([len(name)]) + name.encode() + value for name, value in headers.items())
    start = struct.pack(">II", len(head) + len(payload) + 16, len(head))
    start += struct.pack(">I", binascii.crc32(start))
    whole = start + head + payload
    return whole + struct.pack(">I", binascii.crc32(whole))


def event_header(kind, value):
    if kind == "boolean":
        return bytes([0 if value else 1])
    if kind == "integer":
        return struct.pack(">bi", 4, value)
    if kind == "long":
        return struct.pack(">bq", 5, value)
    if kind == "timestamp":
        return struct.pack(">bq", 8, int(value.timestamp() * 1000))
    content = value if kind == "blob" else value.encode()
    return struct.pack(">bH", 6 if kind == "blob" else 7, len(content)) + content


def event(protocol, shape, value, name):
    headers = {
        known: event_header(member.type_name, value[known])
        for known, member in shape.members.items()
        if member.serialization.get("eventheader") and known in value
    }
    headers |= {":message-type": event_header("string", "event"), ":event-type": event_header("string", name)}
    for known, member in shape.members.items():
        if member.serialization.get("eventpayload"):
            value = value.get(known, b"")
            if member.type_name in ("blob", "string"):
                return message(headers, value if isinstance(value, bytes) else value.encode())
            return message(headers, document(protocol, member, value, known))
    return message(headers, document(protocol, shape, value, name))


def stream(protocol, shape, values, value):
    """An event of each kind; before them what the answer says itself, where its protocol has no other place for it."""
    body = b"" if protocol.startswith("rest") else event(protocol, shape, value, "initial-response")
    for name, member in shape.members[shape.event_stream_name].members.items():
        if values.full and not member.metadata.get("exception"):
            body += event(protocol, member, values.structure(member, 1, frozenset()), name)
    return body


def query_body(shape, protocol, value):
    metadata = element("requestId", REQUEST_ID)
    if protocol == "query":
        metadata = element("ResponseMetadata", element("RequestId", REQUEST_ID))
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
        if location == "header":
            headers[wire.lower()] = header(member, item)
        elif location == "headers":
            prefix = member.serialization.get("name", "")
            headers.update({(prefix + key).lower(): text for key, text in item.items()})
    return headers


def rest_body(shape, protocol, value):
    payload = shape.serialization.get("payload")
    if not payload:
        return document(protocol, shape, value, "Response")
    if payload not in value:
        return b""
    shape, value = shape.members[payload], value[payload]
    if shape.type_name in ("blob", "string"):
        return value if isinstance(value, bytes) else value.encode()
    return document(protocol, shape, value, payload)


def answer(operation, protocol, values):
    """Status, headers and body of an answer that holds values."""
    shape = operation.output_shape
    try:
        value = values.structure(shape, 0, frozenset()) if shape else {}
    except RecursionError:
        raise NotMade("endless") from None
    headers, body = {}, b""
    if protocol in ("query", "ec2"):
        body = query_body(shape, protocol, value).encode()
    elif shape is not None:
        headers = rest_headers(shape, value)
        if shape.event_stream_name:
            body = stream(protocol, shape, values, value)
        elif protocol.startswith("rest"):
            body = rest_body(shape, protocol, value)
        else:
            body = document(protocol, shape, value, "Response")
    if operation.http_checksum.get("responseAlgorithms"):
        # The checksum is compared.
        headers = {name: value for name, value in headers.items() if not name.startswith("x-amz-checksum-")}
        headers["x-amz-checksum-crc32"] = base64.b64encode(struct.pack(">I", binascii.crc32(body))).decode()
    return whole(operation, operation.http.get("responseCode", 200), headers, body)


def whole(operation, status, headers, body):
    """With the length of the body; a 204 and an answer to HEAD have none."""
    headers = {"x-amzn-RequestId": REQUEST_ID} | headers
    if operation.http.get("method") == "HEAD":
        return status, {"content-length": "7"} | headers, b""
    if status == 204:
        body = b""
    return status, headers | {"content-length": str(len(body))}, body


def refusal(operation, shape, protocol, values):
    """An answer that says that there was an error: the shape's, or one that the model does not know."""
    code, status, value, headers = "NotInAnyModel", 400, {}, {}
    if shape is not None:
        code, status = shape.error_code or shape.name, shape.metadata.get("error", {}).get("httpStatusCode", 400)
        value = values.structure(shape, 0, frozenset())
    if protocol in ("query", "ec2", "rest-xml"):
        return whole(operation, status, headers, xml_refusal(operation, shape, code, value).encode())
    if shape is not None:
        headers = rest_headers(shape, value)
    if "awsQueryCompatible" in operation.service_model.metadata:
        headers["x-amzn-query-error"] = f"{code};Sender"
    name = f"com.amazon#{shape.name if shape is not None else code}"
    if protocol == "smithy-rpc-v2-cbor":
        return whole(operation, status, headers, cbor_refusal(name, shape, value))
    body = to_json(shape, value) if value else {"message": "some é"}
    if protocol == "json":
        body["__type"] = name
    else:
        headers["x-amzn-errortype"] = f"{code}:http://internal.amazon.com/coral/"
    return whole(operation, status, headers, json.dumps(body).encode())


def xml_refusal(operation, shape, code, value):
    members = [item for item in in_body(shape, value) if item[0] not in ("Code", "Type")] if value else []
    inner = element("Type", "Sender") + element("Code", code)
    inner += "".join(to_xml(member, item, wire) for wire, member, item in members)
    if not any(wire == "Message" for wire, _, _ in members):
        inner += element("Message", "some é")
    error = element("Error", inner)
    if operation.service_model.service_name == "s3":
        return error
    if operation.service_model.resolved_protocol == "ec2":
        return element("Response", element("Errors", error) + element("RequestID", REQUEST_ID))
    return element("ErrorResponse", error + element("RequestId", REQUEST_ID))


def cbor_refusal(name, shape, value):
    """A map that does not say how long it is."""

    def text(string):
        return struct.pack(">BH", 0x79, len(string.encode())) + string.encode()

    members = [text(wire) + to_cbor(member, item) for wire, member, item in in_body(shape, value)] if value else []
    return b"\xbf" + b"".join([*members, text("__type"), text(name)]) + b"\xff"
