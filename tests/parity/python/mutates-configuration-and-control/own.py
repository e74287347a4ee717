def grow(items):
    items.append(2)
    return len(items)
