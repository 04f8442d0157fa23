"""The running of migrations: the work connection, one attempt, many of them."""
