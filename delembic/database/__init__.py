"""The way to a database: URL, engine, connection, and what drivers say in their errors."""
