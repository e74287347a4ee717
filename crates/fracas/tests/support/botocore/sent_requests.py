"""Prints what botocore would send for every operation of the services named, or of all.

One JSON line a call: service, operation, region, parameters, and the request or the error's text. Parameters that
cannot be made give a line with the reason under `left_out`.
"""

import base64
import json

from made_values import REGION, NotMade, Parameters, clients, plain


class Caught(Exception):
    def __init__(self, request):
        self.request = request


def catch(request, **_):
    raise Caught(request)


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
    content = base64.b64encode(body(request)).decode()
    return {"method": request.method, "url": request.url, "headers": headers, "body_base64": content}


def outcome(client, operation, params):
    try:
        client._make_api_call(operation.name, params)
    except Caught as caught:
        return {"request": shown(caught.request)}
    except Exception as error:
        return {"error": str(error)}
    raise AssertionError("nothing was sent")


def main():
    for service, client, operations in clients(retries={"total_max_attempts": 1, "mode": "standard"}):
        client.meta.events.register_first("before-send", catch)
        for operation in operations:
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
