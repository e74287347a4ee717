def grow(items):
    items.append(2)
    return len(items)


def grow_within(item):
    item["a"].append(0)
    item["a"][0].append(3)
    item["a"][1].append(3)
    item["b"].append(3)
    return item
