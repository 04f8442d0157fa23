"""A project as a component for ``dg``, and its scaffolder."""
