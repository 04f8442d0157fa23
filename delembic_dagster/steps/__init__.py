"""What a step does while a run is under way: migrations are applied or verified in it."""
