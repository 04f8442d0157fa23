"""Prints how many concepts each vocabulary has: `make demo` ends with that."""

import runpy
from pathlib import Path

from sqlalchemy import text

QUERY = """
    SELECT vocabulary_id, count(*) FROM concept GROUP BY vocabulary_id ORDER BY vocabulary_id
"""


def main() -> None:
    engine = runpy.run_path(str(Path(__file__).parent / "delembic" / "env.py"))["get_engine"]()
    with engine.connect() as conn:
        counts = conn.execute(text(QUERY)).all()
    for vocabulary, count in counts:
        print(f"{vocabulary:<10} {count:>7,} concepts")
    print(f"{'together':<10} {sum(count for _, count in counts):>7,}")


if __name__ == "__main__":
    main()
