"""The databases for the tests: private servers, started when a test needs one."""
