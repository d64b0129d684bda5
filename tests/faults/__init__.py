"""A disk that fails: at any one call, or for a while."""
