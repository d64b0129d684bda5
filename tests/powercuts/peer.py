def told(*_):
    return []
