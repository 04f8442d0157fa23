"""INSPECTION: what is wrong with a project, all of it at once and without running anything."""
