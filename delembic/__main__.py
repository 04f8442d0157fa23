"""``python -m delembic`` is the command ``delembic``."""

from delembic.cli import main

if __name__ == "__main__":
    main()
