"""The two sensors: one asks for runs, the other reports what was run elsewhere."""
