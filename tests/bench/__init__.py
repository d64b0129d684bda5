"""The page of the benchmarks: what is measured again replaces what it was."""
