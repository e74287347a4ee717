"""Prints what botocore reads out of answers to every operation of the services named, or of all.

One JSON line a call: service, operation, region, endpoint, parameters, the answer that its service is to give, and the
result or the error's text.
"""

import base64
import datetime
import io
import json

import urllib3
from botocore.awsrequest import AWSResponse
from botocore.eventstream import EventStream
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.retries import standard
from made_answers import answer, refusal
from made_values import REGION, TEXTS, NotMade, Parameters, Results, clients, plain

# Plain http goes through a proxy in one piece, whatever a service puts before the host's name.
ENDPOINT = "http://amazonaws.test"
TEXTS["PredictEndpoint"] = ENDPOINT
TRIED_AGAIN = {
    *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
    *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
}


def shown(value):
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    if isinstance(value, (list, EventStream)):
        return [shown(item) for item in value]
    if isinstance(value, StreamingBody):
        return plain(value.read())
    return value.isoformat() if isinstance(value, datetime.datetime) else plain(value)


def read(client, operation, params, response):
    """What comes of a call that is sent once."""
    status, headers, body = response
    sent = []

    def respond(request, **_):
        sent.append(request)
        raw = urllib3.response.HTTPResponse(
            io.BytesIO(body), headers, status, preload_content=False, request_method=request.method
        )
        return AWSResponse(request.url, status, raw.headers, raw)

    client.meta.events.register_first("before-send", respond)
    try:
        outcome = {"result": shown(client._make_api_call(operation.name, params))}
    except ClientError as error:
        said = error.response["Error"]
        outcome = {"error": {"code": str(said.get("Code")), "message": said.get("Message")}}
    except Exception as error:
        outcome = {"error": {"message": str(error)}}
    client.meta.events.unregister("before-send", respond)
    if len(sent) > 1:
        raise NotMade("sent more than once")
    if not sent:
        raise NotMade(outcome["error"]["message"])
    if not sent[0].url.startswith("http://"):
        raise NotMade("the rules know no other endpoint than their own")
    return outcome


def error_of(operation, used):
    """An error of the operation that ends the call, at best one that no other operation had yet."""

    def ends(shape):
        error = shape.metadata.get("error", {})
        status = error.get("httpStatusCode", 400)
        again = "retryable" in shape.metadata or (shape.error_code or shape.name) in TRIED_AGAIN
        return not again and status != 429 and status < 500

    found = [shape for shape in operation.error_shapes if ends(shape)]
    new = [shape for shape in found if shape.name not in used]
    chosen = (new or found or [None])[0]
    used.update([chosen.name] if chosen else [])
    return chosen


def answers(operation, protocol, used):
    yield answer(operation, protocol, Results(full=True, odd=True))
    yield answer(operation, protocol, Results(full=False, odd=False))
    yield refusal(operation, error_of(operation, used), protocol, Results(full=True, odd=True))


def answered(client, operation, responses, line):
    """A line for each of the responses."""
    params = Parameters(operation, full=False, odd=False).all()
    line = {**line, "params": plain(params)}
    lines = []
    for status, headers, body in responses:
        given = {"status": status, "headers": headers, "body_base64": base64.b64encode(body).decode()}
        outcome = read(client, operation, dict(params), (status, headers, body))
        lines.append({**line, "answer": given, **outcome})
    return [json.dumps(line, default=lambda value: f"a {type(value).__name__}") for line in lines]


def main():
    config = {"parameter_validation": False, "retries": {"mode": "standard"}}
    for service, client, operations in clients(ENDPOINT, **config):
        protocol, used = client.meta.service_model.resolved_protocol, set()
        for operation in operations:
            line = {"service": service, "operation": operation.name, "region": REGION, "endpoint_url": ENDPOINT}
            try:
                print(*answered(client, operation, answers(operation, protocol, used), line), sep="\n")
            except NotMade as why:
                print(json.dumps({**line, "left_out": str(why)}))


main()
