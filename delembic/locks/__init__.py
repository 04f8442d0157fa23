"""LOCKS: how runs lock each other out, with one lock for each revision, on the work database."""
