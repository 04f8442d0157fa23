"""HOW RUNNERS HOLD EACH OTHER OFF: one lock for each revision, on the work database."""
