"""What a step does in a run: it applies or verifies migrations."""
