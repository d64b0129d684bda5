"""Many clients at once against a real server, judged by its promises only: nothing here imports refloat."""
