def length(value=None, secrets=None, configuration=None):
    return {"value": len(str(value)), "groups": sorted(secrets or {}), "configuration": sorted(configuration or {})}
