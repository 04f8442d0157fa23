"""The two sensors: one requests runs, the other reports what was run elsewhere."""
