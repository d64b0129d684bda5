"""The fuzzer in small, and the proof that it finds what is there."""
