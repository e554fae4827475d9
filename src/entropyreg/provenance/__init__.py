"""Records and checks which code, settings and inputs made a file."""
