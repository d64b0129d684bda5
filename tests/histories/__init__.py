"""Long random histories of a real server, beside a model that says what must be there."""
