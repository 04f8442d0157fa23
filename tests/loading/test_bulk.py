"""The same file means the same on every database: all of it is loaded, or none of it."""

from __future__ import annotations

import datetime
import gzip
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Integer, MetaData, String, Table, column, create_engine, select, text
from sqlalchemy import Column as SqlColumn

from delembic import bulk_load
from delembic.errors import (
    ConflictKeyError,
    LoadError,
    RowRefusedError,
    SourceError,
    UnknownColumnError,
)
from loading.conftest import Shelf
from support.servers.backend import Backend

METHODS = {"sqlite": "executemany", "postgresql": "COPY", "mariadb": "LOAD DATA LOCAL"}


class TestFiles:
    @pytest.mark.parametrize(
        ("content", "options", "rows"),
        [
            (b"id,name\n1,a\n2,b\n", {}, [(1, "a"), (2, "b")]),
            (b"id,name\n1,a\n2,b", {}, [(1, "a"), (2, "b")]),
            (b"\xef\xbb\xbfid,name\r\n1,a\r\n2,b\r\n", {}, [(1, "a"), (2, "b")]),
            (b'\xef\xbb\xbf"id","name"\n"1","a"\n', {}, [(1, "a")]),
            (b'id,name\r\n1,"a\r\nb"\r\n2,c', {}, [(1, "a\r\nb"), (2, "c")]),
            (b'id,name\n1,"a\n\n""b"",\nc"\n', {}, [(1, 'a\n\n"b",\nc')]),
            (b'id,name\n1,""""\n2,""""""\n3,"a"""\n', {}, [(1, '"'), (2, '""'), (3, 'a"')]),
            (b'id,name\n1,\n2,""\n3, \n', {}, [(1, None), (2, ""), (3, " ")]),
            (b'name,id\n,1\n"",2\n', {}, [(1, None), (2, "")]),
            (b"id,name\n1,NULL\n2,\\N\n3,\\\n", {}, [(1, "NULL"), (2, "\\N"), (3, "\\")]),
            (b"id,name\n1,\\.\n2,'\n", {}, [(1, "\\."), (2, "'")]),
            (b'id,name\n1,NA\n2,"NA"\n3,\n', {"null": "NA"}, [(1, None), (2, "NA"), (3, "")]),
            (b'id,name\n1,\\N\n2,"\\N"\n', {"null": "\\N"}, [(1, None), (2, "\\N")]),
            (b"id|name\n1|'a|b'\n", {"delimiter": "|", "quote": "'"}, [(1, "a|b")]),
            (b'id,name\n1,"a,"",b"\n2,""\n', {}, [(1, 'a,",b'), (2, "")]),
            (b"7,x\n", {"header": False, "columns": ["id", "name"]}, [(7, "x")]),
            (b"KEY,Term\n7,x\n", {"columns": ["id", "name"]}, [(7, "x")]),
            ("id,name\n1,Ä€\n".encode(), {}, [(1, "Ä€")]),
            ("id,name\n1,Ä\n".encode("latin-1"), {"encoding": "latin-1"}, [(1, "Ä")]),
            ("id,name\n1,€\n".encode("utf-16"), {"encoding": "utf-16"}, [(1, "€")]),
            (b"id,name\n", {}, []),
            (b"", {"header": False, "columns": ["id", "name"]}, []),
        ],
    )
    def test_an_odd_file_loads_right(
        self, shelf: Shelf, content: bytes, options: dict[str, Any], rows: list[tuple[int, str]]
    ) -> None:
        loaded = shelf.load(content, **options)

        assert shelf.rows() == rows
        assert loaded.rows == len(rows)
        assert loaded.method == METHODS[shelf.backend.name]

    def test_a_file_without_quoting_has_quotes_in_its_fields(self, shelf: Shelf) -> None:
        content = b'id\tname\tday\tamount\n1\t5" \\N "x"\t\t1.5\n2\t"\t2020-01-31\t\n3\t\t\t\n'

        shelf.load(content, delimiter="\t", quote=None)

        rows = shelf.rows("id, name, CAST(day AS CHAR(10)), amount")
        assert rows == [(1, '5" \\N "x"', None, Decimal("1.5")), (2, '"', rows[1][2], None),
                        (3, None, None, None)]  # fmt: skip
        assert str(rows[1][2]).startswith("2020-01-31")

    def test_a_carriage_return_without_quoting_is_a_character(self, shelf: Shelf) -> None:
        shelf.load(b"id|name\r\n1|a\rb\r\n", delimiter="|", quote=None)

        assert shelf.rows() == [(1, "a\rb")]

    def test_records_larger_than_a_block_and_blocks_of_many_records(self, shelf: Shelf) -> None:
        shelf.conn.execute(text("DROP TABLE odd"))
        shelf.conn.execute(text("CREATE TABLE odd (id INTEGER PRIMARY KEY, name TEXT)"))
        long = "x\n" * 30_000
        lines = "".join(f"{n},n{n}\n" for n in range(2, 100_000))

        loaded = shelf.load(f'id,name\n1,"{long}"\n{lines}'.encode())

        assert loaded.rows == 99_999
        assert loaded.bytes == len(long) + len(lines) + 13
        assert shelf.rows("id, name")[:2] == [(1, long), (2, "n2")]

    def test_paths_are_read_packed_or_not(self, shelf: Shelf, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(b"id,name\n1,a\n")
        (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"id,name\n2,b\n"))

        shelf.load(tmp_path / "a.csv")
        shelf.load(str(tmp_path / "b.csv.gz"))

        assert shelf.rows() == [(1, "a"), (2, "b")]

    def test_a_file_begins_where_it_stands(self, shelf: Shelf) -> None:
        file = io.BytesIO(b"a line before\nid,name\n1,a\n")
        file.readline()

        shelf.load(file)

        assert shelf.rows() == [(1, "a")]

    def test_a_table_of_one_column_may_hold_what_ends_a_copy(self, shelf: Shelf) -> None:
        shelf.conn.execute(text("CREATE TABLE one (x VARCHAR(9))"))

        loaded = bulk_load(shelf.conn, "one", io.BytesIO(b"x\na\n\\.\n\n\nb\n"))

        assert loaded.rows == 5
        values = shelf.conn.execute(text("SELECT x FROM one")).scalars().all()
        assert sorted(map(str, values)) == ["None", "None", "\\.", "a", "b"]


class TestBadFiles:
    @pytest.mark.parametrize(
        ("content", "options", "message"),
        [
            (b"id,nam\n", {}, "the source has a column 'nam', and odd has none of that name. Did"),
            (b"id;name\n1;a\n", {}, "a column 'id;name'"),
            (b"id,id\n1,1\n", {}, "the source has the column 'id' twice."),
            (b"id,\n1,1\n", {}, "the source, line 1: a column in the header has no name."),
            (b"", {}, "the source: it is empty."),
            (b"id,name\n1,a\n", {"columns": ["id"]}, "has 2 columns, and columns names 1."),
            (b'id,name\n1,"a\nb"\n2,\xe4\n', {}, "the source, line 4: this is not utf-8."),
            (b"id,name\n1,\xc3\xa4\n", {"encoding": "ascii"}, "line 2: this is not ascii."),
            (b"id,name\n1,a\n", {"encoding": "utf-7000"}, "Python does not know 'utf-7000'"),
            (b'id,name\n1,5" pipe\n2,5" nail\n', {}, "line 2: a quote stands in the middle"),
            (b'id,name\n1,a\n2,"a" b\n', {}, "line 3: a quote stands in the middle of a field."),
            (b'id,name\n1,a\n2,"b\n3,c\n', {}, "line 3: a quote opens in this record"),
            (b"id,name\n1,a\r2,b\r\n", {}, "a carriage return stands alone"),
            (b"id,name\n", {"delimiter": "||"}, "delimiter has to be one ASCII character"),
            (b"id,name\n", {"delimiter": '"'}, "delimiter and quote are both '\"'"),
            (b"id,name\n", {"null": "a,b"}, "null contains the delimiter"),
            (b"id,name\n", {"on_conflict": "replace"}, "has to be 'ignore' or 'update'"),
            (b"id,name\n", {"key": ["id"]}, "key says which rows conflict"),
            (b"id,name\n", {"key": "id", "on_conflict": "update"}, "key has to be a list"),
        ],
    )
    def test_is_refused_with_what_is_wrong_and_nothing_is_loaded(
        self, shelf: Shelf, content: bytes, options: dict[str, Any], message: str
    ) -> None:
        with shelf.conn.begin_nested() as nested:
            with pytest.raises(LoadError) as refused:
                shelf.load(content, **options)
            nested.rollback()

        assert message in str(refused.value)
        assert shelf.rows() == []

    def test_a_file_that_is_not_there(self, shelf: Shelf) -> None:
        with pytest.raises(SourceError, match=r"none\.csv: there is no such file"):
            shelf.load("none.csv")

    def test_a_folder(self, shelf: Shelf, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="it cannot be opened: Is a directory"):
            shelf.load(tmp_path)

    def test_a_packed_file_that_is_cut_off(self, shelf: Shelf, tmp_path: Path) -> None:
        content = b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n * n) for n in range(99_999))
        file = tmp_path / "a.csv.gz"
        file.write_bytes(gzip.compress(content)[:-90_000])

        with shelf.conn.begin_nested() as nested:
            with pytest.raises(SourceError, match="compressed data is cut off or damaged"):
                shelf.load(file)
            nested.rollback()

        assert shelf.rows() == []

    def test_a_packed_file_that_is_none(self, shelf: Shelf, tmp_path: Path) -> None:
        (tmp_path / "a.csv.gz").write_bytes(b"id,name\n1,a\n")

        with pytest.raises(SourceError, match="it cannot be read"):
            shelf.load(tmp_path / "a.csv.gz")

    def test_a_file_that_was_opened_as_text(self, shelf: Shelf) -> None:
        with pytest.raises(SourceError, match="it was opened as text"):
            shelf.load(io.StringIO("id,name\n1,a\n"))

    def test_what_is_no_source(self, shelf: Shelf) -> None:
        with pytest.raises(LoadError, match="source is a int"):
            shelf.load(5)

    def test_a_table_that_is_not_there(self, shelf: Shelf) -> None:
        with pytest.raises(LoadError, match=r"There is no table od in the database\. Did .*'odd'"):
            bulk_load(shelf.conn, "od", [])


class TestRowsThatDoNotFit:
    """Line 1 is the header, and the record before the bad one goes over two lines."""

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (b"x,c,,", "a number"),
            (b",c,,", "a key"),
            (b"3,c,,,", "too many fields"),
            (b"3,c", "too few fields"),
            (b"", "no fields"),
        ],
        ids=lambda each: each if isinstance(each, str) else "",
    )
    def test_the_error_names_the_line(self, shelf: Shelf, bad: bytes, reason: str) -> None:
        if shelf.is_sqlite and reason == "a key":
            pytest.skip("SQLite gives such a row a key of its own")
        content = b'id,name,day,amount\n1,"a\nb",,\n2,b,,\n' + bad + b"\n4,d,,\n"

        with shelf.conn.begin_nested() as nested:
            with pytest.raises(RowRefusedError) as refused:
                shelf.load(content)
            nested.rollback()

        assert str(refused.value).startswith("the source, line 5")
        assert refused.value.line == 5
        assert shelf.rows() == []

    def test_a_line_far_behind_is_named_too(self, shelf: Shelf, tmp_path: Path) -> None:
        lines = [f'{n},"n\n{n}"' for n in range(60_000)]
        lines[50_000] = "x,n"
        file = tmp_path / "far.csv"
        file.write_text("\n".join(["id,name", *lines]))

        with shelf.conn.begin_nested() as nested:
            with pytest.raises(RowRefusedError) as refused:
                shelf.load(file)
            nested.rollback()

        assert refused.value.line == 2 * 50_000 + 2
        assert "far.csv, line 100002" in str(refused.value)

    def test_a_key_that_is_there_already(self, shelf: Shelf) -> None:
        with shelf.conn.begin_nested() as nested:
            with pytest.raises(RowRefusedError) as refused:
                shelf.load(b"id,name\n1,a\n2,b\n1,c\n")
            nested.rollback()

        # MariaDB skips such a row, and does not say which one it was.
        assert refused.value.line == (None if shelf.backend.name == "mariadb" else 4)
        assert shelf.rows() == []

    def test_the_column_is_named_where_the_driver_tells_it(self, shelf: Shelf) -> None:
        with shelf.conn.begin_nested() as nested:
            with pytest.raises(RowRefusedError) as refused:
                shelf.load(b"id,name,amount\n1,a,1\n2,b,x\n") if not shelf.is_sqlite else (
                    shelf.load(b"id,name,amount\n1,a,1\n1,b,1\n")
                )
            nested.rollback()

        assert refused.value.column == ("id" if shelf.is_sqlite else "amount")

    def test_a_stream_that_cannot_be_read_again_has_numbers_of_rows(self, shelf: Shelf) -> None:
        class Stream(io.BytesIO):
            def seekable(self) -> bool:
                return False

        with shelf.conn.begin_nested() as nested:
            with pytest.raises(RowRefusedError, match=r"the source, (row 2|line 3)"):
                shelf.load(Stream(b"id,name\n1,a\nx,b\n"))
            nested.rollback()

    def test_after_it_the_transaction_of_two_databases_goes_on(self, shelf: Shelf) -> None:
        if shelf.backend.name == "postgresql":
            pytest.skip("PostgreSQL gives the transaction up")
        shelf.load(b"id,name\n1,a\n")

        with pytest.raises(RowRefusedError):
            shelf.load(b"id,name\n2,b\nx,c\n")

        shelf.load(b"id,name\n3,c\n")
        assert shelf.rows() == [(1, "a"), (3, "c")]

    def test_a_number_that_is_rounded_does_fit(self, shelf: Shelf) -> None:
        shelf.load(b"id,amount\n" + b"".join(b"%d,1.239\n" % n for n in range(1, 99)))

        amounts = {round(float(row[1]), 2) for row in shelf.rows("id, amount")}
        assert amounts == {1.24}


class TestRows:
    def test_tuples_go_to_all_columns_or_to_those_that_are_named(self, shelf: Shelf) -> None:
        day = datetime.date(2020, 1, 31)

        shelf.load([(1, "a", day, Decimal("1.5")), (2, None, None, 2)])
        loaded = shelf.load(((n, f"n{n}") for n in range(3, 2_500)), columns=["id", "name"])

        assert loaded.rows == 2_497
        assert loaded.bytes is None
        rows = shelf.rows("id, name, day, amount")
        assert [rows[0][:2], str(rows[0][2]), float(rows[0][3])] == [(1, "a"), "2020-01-31", 1.5]
        assert rows[-1] == (2_499, "n2499", None, None)

    def test_mappings_name_their_columns(self, shelf: Shelf) -> None:
        shelf.load([{"name": "a", "id": 1}, {"id": 2, "name": None}])

        assert shelf.rows() == [(1, "a"), (2, None)]

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            ([(1, "a"), (2,)], "row 2 has 1 values, and not 2."),
            ([(1, "a"), "ab"], "row 2 is no tuple, but a str."),
            ([{"id": 1, "name": "a"}, {"id": 2}], "row 2 has other columns."),
            ([{"id": 1, "nam": "a"}], "Did you mean 'name'?"),
        ],
    )
    def test_rows_that_differ_are_refused(
        self, shelf: Shelf, rows: list[Any], message: str
    ) -> None:
        columns = None if isinstance(rows[0], dict) else ["id", "name"]
        with shelf.conn.begin_nested() as nested:
            with pytest.raises(LoadError) as refused:
                shelf.load(rows, columns=columns)
            nested.rollback()

        assert message in str(refused.value)
        assert shelf.rows() == []

    def test_no_rows_are_no_error(self, shelf: Shelf) -> None:
        assert shelf.load([]).rows == 0

    def test_a_bad_row_has_its_number(self, shelf: Shelf) -> None:
        with shelf.conn.begin_nested() as nested:
            with pytest.raises(RowRefusedError, match="row") as refused:
                shelf.load([(1, "a"), (2, "b"), (1, "c")], columns=["id", "name"])
            nested.rollback()

        expected = "one of the rows 1 to 3" if shelf.backend.name == "mariadb" else "row 3"
        assert f"the source, {expected}" in str(refused.value)
        assert shelf.rows() == []

    def test_the_error_of_a_generator_is_its_own(self, shelf: Shelf) -> None:
        def rows() -> Any:
            yield (1, "a")
            raise RuntimeError("no more")

        with shelf.conn.begin_nested() as nested:
            with pytest.raises(RuntimeError, match="no more"):
                shelf.load(rows(), columns=["id", "name"])
            nested.rollback()

        assert shelf.rows() == []

    def test_a_json_column_takes_objects(self, shelf: Shelf) -> None:
        # MariaDB itself has no such type. There, only SQLAlchemy's table knows of it.
        table = Table("doc", MetaData(), SqlColumn("x", JSON))
        table.create(shelf.conn)

        bulk_load(shelf.conn, table, [({"a": [1]},), (None,)])

        assert shelf.conn.execute(select(table.c.x)).scalars().all() == [{"a": [1]}, None]


class TestArrow:
    @pytest.fixture
    def arrow(self) -> Any:
        return pytest.importorskip("pyarrow")

    def test_its_tables_load(self, shelf: Shelf, arrow: Any) -> None:
        table = arrow.table({"name": ["a", None], "id": arrow.array([1, 2], arrow.int32())})

        assert shelf.load(table).rows == 2
        assert shelf.rows() == [(1, "a"), (2, None)]

    def test_postgresql_takes_it_in_binary_where_the_types_are_its_own(
        self, postgresql_url: str, arrow: Any
    ) -> None:
        pytest.importorskip("pgpq")
        engine = create_engine(postgresql_url)
        day = datetime.date(2020, 1, 31)
        table = arrow.table({"x": arrow.array([1, None], arrow.int32()), "d": [day, None]})
        with engine.begin() as conn:
            conn.execute(text("CREATE TABLE t (x INTEGER, d DATE)"))
            conn.execute(text("CREATE TABLE wide (x BIGINT, d TIMESTAMP)"))

            assert bulk_load(conn, "t", table).method == "COPY, binary"
            assert bulk_load(conn, "wide", table).method == "COPY, row by row"
            assert conn.execute(text("SELECT x, d FROM t")).all() == [(1, day), (None, None)]
        engine.dispose()

    def test_parquet_loads_by_its_path(self, shelf: Shelf, arrow: Any, tmp_path: Path) -> None:
        parquet = pytest.importorskip("pyarrow.parquet")
        table = arrow.table({"id": list(range(25_000)), "name": ["x"] * 25_000})
        parquet.write_table(table, tmp_path / "a.parquet")

        assert shelf.load(tmp_path / "a.parquet").rows == 25_000
        assert shelf.rows()[-1] == (24_999, "x")

    def test_a_broken_or_missing_parquet_file(
        self, shelf: Shelf, arrow: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "a.parquet").write_bytes(b"PAR1")

        with pytest.raises(SourceError, match=r"a\.parquet: it is no Parquet file"):
            shelf.load(tmp_path / "a.parquet")
        with pytest.raises(SourceError, match=r"b\.parquet: there is no such file"):
            shelf.load(tmp_path / "b.parquet")

    def test_a_type_of_the_table_that_differs_is_converted(self, shelf: Shelf, arrow: Any) -> None:
        table = arrow.table({"id": arrow.array([1], arrow.int64()), "amount": [1.5]})

        shelf.load(table)

        assert float(shelf.rows("amount, id")[0][0]) == 1.5


class TestConflicts:
    @pytest.fixture(autouse=True)
    def _filled(self, shelf: Shelf) -> None:
        shelf.conn.execute(text("INSERT INTO odd VALUES (1, 'old', NULL, 5), (7, 'old', NULL, 5)"))

    FILE = b"name,id\nnew,1\ntwo,2\nzwei,2\n"

    def test_are_an_error_unless_they_are_expected(self, shelf: Shelf) -> None:
        with shelf.conn.begin_nested() as nested:
            with pytest.raises(RowRefusedError):
                shelf.load(self.FILE)
            nested.rollback()

        assert shelf.rows() == [(1, "old"), (7, "old")]

    def test_are_left_out_and_the_first_of_new_ones_counts(self, shelf: Shelf) -> None:
        loaded = shelf.load(self.FILE, on_conflict="ignore")

        assert loaded.rows == 1
        assert loaded.method.endswith(", by a temporary table")
        assert shelf.rows() == [(1, "old"), (2, "two"), (7, "old")]

    def test_are_updated_and_the_last_one_counts(self, shelf: Shelf) -> None:
        assert shelf.load(self.FILE, on_conflict="update", key=["id"]).rows == 2
        assert shelf.rows("id, name, amount") == [(1, "new", 5), (2, "zwei", None), (7, "old", 5)]

    def test_with_nothing_but_a_key_there_is_nothing_to_update(self, shelf: Shelf) -> None:
        shelf.load(b"id\n1\n2\n", on_conflict="update")

        assert shelf.rows() == [(1, "old"), (2, None), (7, "old")]

    def test_a_bad_row_among_them_is_named(self, shelf: Shelf) -> None:
        with shelf.conn.begin_nested() as nested:
            with pytest.raises(RowRefusedError, match="the source, line 3"):
                shelf.load(b"id,name\n2,b\n3\n", on_conflict="ignore")
            nested.rollback()

        assert shelf.rows() == [(1, "old"), (7, "old")]

    def test_what_is_merged_rolls_back(self, shelf: Shelf) -> None:
        shelf.conn.commit()

        shelf.load(self.FILE, on_conflict="ignore")
        shelf.load(self.FILE, on_conflict="update")
        shelf.conn.rollback()

        assert shelf.rows() == [(1, "old"), (7, "old")]

    def test_rows_load_that_way_too(self, shelf: Shelf) -> None:
        shelf.load([(1, "x"), (2, "y")], columns=["id", "name"], on_conflict="update")

        assert shelf.rows() == [(1, "x"), (2, "y"), (7, "old")]

    def test_a_key_has_to_be_one_of_the_table_and_loaded(self, shelf: Shelf) -> None:
        shelf.conn.execute(text("CREATE TABLE keyless (id INTEGER)"))

        with pytest.raises(ConflictKeyError, match=r"odd has no unique key of \(name\)"):
            shelf.load(self.FILE, on_conflict="ignore", key=["name"])
        with pytest.raises(ConflictKeyError, match="odd gets no values for id"):
            shelf.load(b"name\na\n", on_conflict="ignore")
        with pytest.raises(ConflictKeyError, match="keyless has no primary key"):
            bulk_load(shelf.conn, "keyless", [(1,)], on_conflict="ignore")

    def test_another_key_of_the_table(self, shelf: Shelf) -> None:
        shelf.conn.execute(text("CREATE TABLE coded (id INTEGER PRIMARY KEY, code VARCHAR(9))"))
        shelf.conn.execute(text("CREATE UNIQUE INDEX coded_code ON coded (code)"))
        shelf.conn.execute(text("INSERT INTO coded VALUES (1, 'a')"))

        def load() -> int:
            rows = [(5, "a"), (6, "b")]
            return bulk_load(shelf.conn, "coded", rows, on_conflict="update", key=["code"]).rows

        if shelf.backend.name == "mariadb":
            with pytest.raises(LoadError, match=r"coded has the unique key \(id\) too"):
                load()
        else:
            assert load() == 2
            rows = shelf.conn.execute(text("SELECT id FROM coded ORDER BY id")).scalars().all()
            assert rows == [5, 6]


class TestNames:
    def test_odd_names_are_quoted(self, shelf: Shelf) -> None:
        table = Table(
            'a "b:c% .d',
            MetaData(),
            SqlColumn("id", Integer, primary_key=True, autoincrement=False),
            SqlColumn("50% :x", String(9)),
            SqlColumn("select", String(9)),
        )
        table.create(shelf.conn)
        content = b'id,50% :x,select\n1,a,"b"\n'

        for source in (content, content.replace(b"\n1", b"\n2")):
            bulk_load(shelf.conn, table, io.BytesIO(source))
        bulk_load(shelf.conn, table.name, [(1, "x", "y")], on_conflict="update")
        bulk_load(shelf.conn, table, io.BytesIO(content), on_conflict="ignore")

        found = shelf.conn.execute(table.select().order_by(column("id"))).all()
        assert [tuple(row) for row in found] == [(1, "x", "y"), (2, "a", "b")]

    def test_a_schema_stands_before_a_dot(self, shelf: Shelf) -> None:
        schema = {
            "sqlite": "main",
            "postgresql": "public",
            "mariadb": shelf.conn.engine.url.database,
        }[shelf.backend.name]

        bulk_load(shelf.conn, f"{schema}.odd", io.BytesIO(b"id,name\n1,a\n"))

        assert shelf.rows() == [(1, "a")]

    def test_a_map_of_schemas_leads_the_way(self, postgresql_url: str) -> None:
        engine = create_engine(postgresql_url)
        with engine.begin() as conn:
            conn.execute(text("CREATE SCHEMA far"))
            conn.execute(text("CREATE TABLE far.t (x INTEGER)"))
            conn.execution_options(schema_translate_map={None: "far"})

            assert bulk_load(conn, "t", [(1,), (2,)]).rows == 2
        engine.dispose()


def test_an_unknown_column_carries_its_name(shelf: Shelf) -> None:
    with pytest.raises(UnknownColumnError) as unknown:
        shelf.load(b"id,nam\n")

    assert unknown.value.column == "nam"


def test_without_a_transaction_a_load_is_one_of_its_own(backend: Backend) -> None:
    engine = create_engine(backend.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.execute(text("CREATE TABLE t (x INTEGER PRIMARY KEY)"))

        with pytest.raises(RowRefusedError):
            bulk_load(conn, "t", [(1,), (2,), (1,)])
        bulk_load(conn, "t", [(7,)])
        bulk_load(conn, "t", [(7,), (8,)], on_conflict="ignore")

        assert conn.execute(text("SELECT x FROM t ORDER BY x")).scalars().all() == [7, 8]
    engine.dispose()
