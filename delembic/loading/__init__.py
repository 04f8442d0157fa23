"""LOADING: files and rows into a table, in the way that is fastest on its database."""
