import json


def notify(channel, event):
    payload = event["payload"]
    with open("trace", "a") as trace:
        print(event["name"], event["phase"], sorted(event), channel.get("events"), type(payload).__name__,
              str(event.get("error")), file=trace)
