"""THE RECORD, READ: where each revision stands, and what was done about it. Nothing is written."""
