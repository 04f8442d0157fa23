"""The databases the tests run on: private servers, started when a test asks for one."""
