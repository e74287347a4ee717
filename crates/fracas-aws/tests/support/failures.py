"""Makes the same call at each address and prints the class and the text of what boto3 raises."""

import json
import sys

import boto3

for url in sys.argv[1:]:
    client = boto3.client(
        "docdb", endpoint_url=url, region_name="cn-north-1", aws_access_key_id="AKIDENV", aws_secret_access_key="s"
    )
    try:
        client.describe_db_clusters()
        line = {"error": None}
    except Exception as error:
        line = {"class": f"{type(error).__module__}.{type(error).__qualname__}", "error": str(error)}
    print(json.dumps(line))
