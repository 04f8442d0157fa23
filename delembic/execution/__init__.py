"""EXECUTION: runs migrations, from one attempt to whole plans."""
