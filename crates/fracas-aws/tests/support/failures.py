"""Makes the same call at each address and prints the class and the text of what boto3 raises."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3


def at(url):
    return boto3.client(
        "docdb", endpoint_url=url, region_name="cn-north-1", aws_access_key_id="AKIDENV", aws_secret_access_key="s"
    )


def call(client):
    try:
        client.describe_db_clusters()
        return {"error": None}
    except Exception as error:
        return {"class": f"{type(error).__module__}.{type(error).__qualname__}", "error": str(error)}


# All at once, since most of the time goes into waits between attempts.
clients = [at(url) for url in sys.argv[1:]]
with ThreadPoolExecutor(len(clients)) as pool:
    for line in pool.map(call, clients):
        print(json.dumps(line))
