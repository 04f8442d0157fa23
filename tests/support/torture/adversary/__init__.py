"""A migration that does whatever it likes, what must become of it, and what has become of it.

- `moves`: all that a migration may do, one thing at a time.
- `play`: does some of it inside of a migration, and keeps a journal outside of the database.
- `reference`: follows the journal, and knows what is committed for sure and what is lost for sure.
- `verdict`: compares that with the data, the marks, the rows of the log, the events and the errors.
- `ring`: runs the attempts, one after the other on one database.
"""
