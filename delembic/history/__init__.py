"""HISTORY: reads the state of each revision and what was done about it. Nothing is written."""
