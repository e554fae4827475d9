"""Shows a scale in a terminal: its records as a table, the state of its runs, two runs side by side."""
