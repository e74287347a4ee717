"""What boto3 signs a call with, in each of the environments in a file.

Each line is an object: the key and the token, or the class and the text of the error.
"""

import json
import os
import sys

from botocore import credentials, tokens, utils
from botocore.session import Session

# Nobody waits for a container that does not answer.
utils.ContainerMetadataFetcher.SLEEP_TIME = 0

with open(sys.argv[1]) as file:
    environments = json.load(file)

for environment in environments:
    os.environ.clear()
    os.environ.update(dict(environment))
    # boto3 does not read the variable that all other SDKs do.
    os.environ["AWS_DEFAULT_REGION"] = os.environ["AWS_REGION"]
    home = os.path.expanduser("~/.aws/sso/cache")
    credentials.SSOProvider._SSO_TOKEN_CACHE_DIR = home
    tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR = home
    try:
        client = Session().create_client("docdb")
        signed = {}

        def look(request, **kwargs):
            signed["header"] = request.headers["Authorization"].decode()
            signed["token"] = request.headers.get("X-Amz-Security-Token", b"").decode()

        client.meta.events.register("before-send.docdb", look)
        client.describe_db_clusters()
        key = signed["header"].split("Credential=")[1].split("/")[0]
        found = {"key": key, "token": signed["token"]}
    except Exception as error:
        kind = type(error)
        name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        found = {"class": name, "error": str(error).rstrip()}
    print(json.dumps(found), flush=True)
