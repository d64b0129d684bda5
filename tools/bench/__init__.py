"""`make bench`: refloat beside the reference registry, row by row of a table of bars."""
