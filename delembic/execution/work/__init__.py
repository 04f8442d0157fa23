"""THE WORK CONNECTION: one transaction, what is done in it, and how it ends."""
