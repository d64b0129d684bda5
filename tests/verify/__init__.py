"""`refloat verify`: everything that can go wrong with what is kept is found, and nothing else."""
