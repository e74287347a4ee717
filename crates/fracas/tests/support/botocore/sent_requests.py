"""Prints what botocore would send for every operation of the services named, or of all.

One JSON line a call: service, operation, region, parameters, and the request or the error's text. Parameters that
cannot be made give a line with the reason under `left_out`.
"""

import base64
import io
import json
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from urllib3.response import HTTPResponse

from made_values import REGION, NotMade, Parameters, clients, plain


class Caught(Exception):
    def __init__(self, request):
        self.request = request


class Catch:
    """Takes the request of the operation that is called."""

    operation = None

    def __call__(self, request, event_name, **_):
        if event_name.endswith("." + self.operation):
            raise Caught(request)
        # Some services are asked first which endpoint to use: the usual one.
        assert event_name.endswith(".DescribeEndpoints"), event_name
        address = {"Address": urlsplit(request.url).netloc, "CachePeriodInMinutes": 1440}
        content = io.BytesIO(json.dumps({"Endpoints": [address]}).encode())
        return AWSResponse(request.url, 200, {}, HTTPResponse(content, preload_content=False))


def body(request):
    content = request.body or b""
    if hasattr(content, "read"):
        content = content.read()
    elif not isinstance(content, (str, bytes, bytearray)):
        content = b"".join(content)
    return content.encode() if isinstance(content, str) else bytes(content)


def shown(request):
    def text(value):
        return value.decode("latin-1") if isinstance(value, bytes) else str(value)

    headers = {name.lower(): text(value) for name, value in request.headers.items()}
    content = body(request)
    if content and "transfer-encoding" not in headers:
        # Python's http library adds it where botocore does not.
        headers.setdefault("content-length", str(len(content)))
    content = base64.b64encode(content).decode()
    # So does it a path.
    url = request.url if urlsplit(request.url).path else request.url + "/"
    return {"method": request.method, "url": url, "headers": headers, "body_base64": content}


def outcome(client, operation, params):
    try:
        client._make_api_call(operation.name, params)
    except Caught as caught:
        return {"request": shown(caught.request)}
    except Exception as error:
        return {"error": {"message": str(error)}}
    raise AssertionError("nothing was sent")


def main():
    for service, client, operations in clients(retries={"total_max_attempts": 1, "mode": "standard"}):
        catch = Catch()
        client.meta.events.register_first("before-send", catch)
        for operation in operations:
            catch.operation = operation.name
            line = {"service": service, "operation": operation.name, "region": REGION}
            for full, odd in ((False, False), (True, False), (True, True)):
                try:
                    params = Parameters(operation, full, odd).all()
                except NotMade as why:
                    print(json.dumps({**line, "left_out": str(why)}))
                    break
                # Before the call: botocore writes into its parameters.
                line["params"] = plain(params)
                print(json.dumps({**line, **outcome(client, operation, params)}))


main()
