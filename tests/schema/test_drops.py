"""What an Alembic revision drops can be read without running it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from delembic.errors import MigrationFileError
from delembic.schema.drops import Drop, drops_in


def _drops(folder: Path, body: str, head: str = "") -> list[tuple[str, str | None]]:
    script = folder / "a1.py"
    upgrade = f"def upgrade():\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
    script.write_text(f"raise SystemExit('it was run')\n{textwrap.dedent(head)}\n{upgrade}")
    return [(drop.table, drop.schema) for drop in drops_in(script)]


@pytest.mark.parametrize(
    "statement",
    [
        "op.drop_table('t')",
        "op.drop_table(table_name='t')",
        "operations.drop_table('t', if_exists=True)",
        "drop_table('t')",
        "op.execute('DROP TABLE t')",
        "op.execute('drop  table if exists t cascade')",
        "op.execute('SELECT 1; DROP TABLE \"t\"; SELECT 2')",
        "op.execute(sa.text('DROP TABLE `t`'))",
        "op.get_bind().exec_driver_sql('DROP TABLE [t]')",
        "if True:\n    op.drop_table('t')",
    ],
)
def test_a_table_is_dropped_in_many_ways(tmp_path: Path, statement: str) -> None:
    assert _drops(tmp_path, statement) == [("t", None)]


@pytest.mark.parametrize(
    ("statement", "schema"),
    [
        ("op.drop_table('t', schema='shop')", "shop"),
        ("op.drop_table('t', schema=somewhere)", None),
        ("op.execute('DROP TABLE shop.t')", "shop"),
        ('op.execute(\'DROP TABLE "shop"."t"\')', "shop"),
        ("op.execute(f'DROP TABLE {somewhere}.t')", None),
    ],
)
def test_the_schema_is_told_if_it_is_known(
    tmp_path: Path, statement: str, schema: str | None
) -> None:
    assert _drops(tmp_path, statement) == [("t", schema)]


def test_several_tables_may_stand_in_one_statement(tmp_path: Path) -> None:
    found = _drops(tmp_path, "op.execute('DROP TABLE a, shop.b RESTRICT')")

    assert found == [("a", None), ("b", "shop")]


def test_constants_of_the_file_are_known(tmp_path: Path) -> None:
    head = "TABLE = 't'\nSQL = 'DROP TABLE u'"

    found = _drops(tmp_path, "op.drop_table(TABLE)\nop.execute(SQL)", head)

    assert found == [("t", None), ("u", None)]


def test_what_upgrade_calls_in_the_file_is_read_too(tmp_path: Path) -> None:
    head = """
        def clear():
            really_clear()

        def really_clear():
            op.drop_table("t")
            clear()
        """

    assert _drops(tmp_path, "clear()", head) == [("t", None)]


def test_of_several_databases_each_has_an_upgrade_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "a1.py"
    script.write_text("def upgrade_engine1():\n    op.drop_table('t')\n")

    assert drops_in(script) == [Drop("t", None, 2)]


@pytest.mark.parametrize(
    "harmless",
    [
        "'''DROP TABLE t'''",
        "# op.drop_table('t')\npass",
        "op.create_table('t')",
        "op.drop_table(name_from_elsewhere)",
        "op.drop_column('t', 'x')",
    ],
)
def test_what_drops_nothing_that_is_known_is_passed_over(tmp_path: Path, harmless: str) -> None:
    assert _drops(tmp_path, harmless) == []


def test_a_downgrade_may_drop_what_it_likes(tmp_path: Path) -> None:
    head = "def downgrade():\n    op.drop_table('t')"

    assert _drops(tmp_path, "pass", head) == []


def test_a_file_that_does_not_parse_is_named_with_its_line(tmp_path: Path) -> None:
    script = tmp_path / "a1.py"
    script.write_text("revision = 'a1'\ndef upgrade(:\n")

    with pytest.raises(MigrationFileError) as caught:
        drops_in(script)

    assert (caught.value.line, caught.value.problem) == (2, "does not parse.")
