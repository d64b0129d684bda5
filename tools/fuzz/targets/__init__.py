"""One module a target; see tools.fuzz.target."""
