import json
import urllib.error
import urllib.request

import yaml

# moto asks only whether somebody has signed.
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=testing/20240501/us-east-1/s3/aws4_request"}
READERS = {"runs/journal.json": json.loads, "runs/journal.yaml": yaml.safe_load}


def after_experiment_control(context, state, configuration):
    """Notes what has been uploaded until now."""
    found = {}
    for key, read in READERS.items():
        try:
            request = urllib.request.Request(f"{configuration['address']}/journals/{key}", headers=SIGNED)
            with urllib.request.urlopen(request) as answer:
                journal = read(answer.read())
        except urllib.error.HTTPError as error:
            found[key] = error.code
        else:
            run = [(run["activity"]["name"], run["status"], run["output"]) for run in journal["run"]]
            found[key] = [journal["status"], run, {"url": journal["extra"]["journal"]["url"]}]
    state.setdefault("uploaded", []).append(found)
