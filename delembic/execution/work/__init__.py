"""WORK: one transaction on the work connection, what is done in it, and how it ends."""
