"""The verbs on a registry that is not a refloat: rm, trash, restore and purge by a trash of our own in it."""
