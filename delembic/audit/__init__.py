"""What delembic itself keeps in a database: the marks, the audit log, the locks.

Every statement that delembic runs on its own behalf is in here.
"""
