"""DATABASE: URLs, engines, connections, and the errors of drivers."""
