def grow(configuration):
    configuration["n"] += 1
    configuration["list"].append(2)
    return [configuration["n"], len(configuration["list"])]
