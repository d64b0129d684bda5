"""The registry that `make bench-scale` generates is one that refloat could have made."""
