"""A project as a component of ``dg``, and what scaffolds one."""
