"""Chunks of files: every record in exactly one of them, whatever the file looks like."""

from __future__ import annotations

import gzip
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from delembic import FileChunks
from delembic.batches.file_chunks import FileBatch
from delembic.batches.file_source import FileSource
from delembic.batches.source import Cut
from delembic.errors import UnfitBatchesError

CSV = 'id,note\n1,plain\n2,"two\nlines"\n3,"a ""quoted"" word"\n4,\n5,last'


def _cuts(chunks: FileChunks, cursor: object = None, size: int | None = None) -> list[Cut]:
    source, found = FileSource(chunks), []
    with create_engine("sqlite://").connect() as conn, closing(source):
        source.check(conn)
        while cut := source.next(conn, cursor, None, size):
            found.append(cut)
            cursor = cut.cursor
    return found


def _ids(cuts: list[Cut]) -> list[list[str]]:
    return [[row["id"] for row in _batch(cut).records()] for cut in cuts]


def _batch(cut: Cut) -> FileBatch:
    assert isinstance(cut.batch, FileBatch)
    return cut.batch


@pytest.fixture(params=["plain", "packed", "with a mark", "with CRLF"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    content = CSV.encode()
    if request.param == "packed":
        (tmp_path / "t.csv.gz").write_bytes(gzip.compress(content))
        return tmp_path / "t.csv.gz"
    if request.param == "with a mark":
        content = b"\xef\xbb\xbf" + content
    if request.param == "with CRLF":
        content = content.replace(b"\n", b"\r\n")
    (tmp_path / "t.csv").write_bytes(content)
    return tmp_path / "t.csv"


def _chunks(path: Path, **options: object) -> FileChunks:
    encoding = "utf-8-sig" if path.read_bytes().startswith(b"\xef") else "utf-8"
    return FileChunks(path, encoding=encoding, **options)  # type: ignore[arg-type]  # by name


def test_each_record_is_in_one_chunk(path: Path) -> None:
    cuts = _cuts(_chunks(path, rows=2))

    assert _ids(cuts) == [["1", "2"], ["3", "4"], ["5"]]
    assert [cut.rows for cut in cuts] == [2, 2, 1]
    assert [cut.place.rpartition(", ")[2] for cut in cuts] == ["line 2", "line 5", "line 7"]
    assert _batch(cuts[1]).file.read().endswith((b"4,\n", b"4,\r\n"))


def test_a_chunk_begins_with_the_header(path: Path) -> None:
    for cut in _cuts(_chunks(path, rows=2)):
        assert b"id,note" in _batch(cut).file.readline()


def test_it_goes_on_from_any_cursor_in_another_process(path: Path) -> None:
    chunks = _chunks(path, rows=1)
    first, *rest = _cuts(chunks)

    again = _cuts(chunks, first.cursor)

    assert [cut.cursor for cut in again] == [cut.cursor for cut in rest]
    assert _ids(again) == [["2"], ["3"], ["4"], ["5"]]


def test_a_chunk_can_be_cut_again_in_smaller_pieces(path: Path) -> None:
    source = FileSource(_chunks(path, rows=4))
    with create_engine("sqlite://").connect() as conn, closing(source):
        source.check(conn)
        whole = source.next(conn, None, None, None)
        half = source.next(conn, None, None, 2)
        assert whole and half
        quarter = source.next(conn, half.cursor, None, 1)
        assert quarter
        rest = source.next(conn, quarter.cursor, None, None)
        assert rest

    assert _ids([whole, half, quarter, rest]) == [["1", "2", "3", "4"], ["1", "2"], ["3"], ["4"]]


def test_chunks_of_bytes_end_with_whole_records(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,n\n" + "".join(f"{number},{'x' * 50}\n" for number in range(50_000)))

    cuts = _cuts(FileChunks(path, mebibytes=1))

    assert len(cuts) == 3
    assert sum(cut.rows for cut in cuts) == 50_000
    assert [int(float(cut.cursor["share"]) * 100) for cut in cuts][-1] == 100


def test_lines_of_json_have_no_header(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"id": 1}\n{"id": 2}\n{"id": 3}\n')

    cuts = _cuts(FileChunks(path, rows=2))

    assert [list(_batch(cut).records()) for cut in cuts] == [[{"id": 1}, {"id": 2}], [{"id": 3}]]


def test_a_file_without_quotes_ends_its_records_at_each_newline(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text('id\tnote\n1\t5" pipe\n2\tplain\n')

    cuts = _cuts(FileChunks(path, rows=1, delimiter="\t", quote=None))

    assert [next(_batch(cut).records())["note"] for cut in cuts] == ['5" pipe', "plain"]


def test_an_empty_file_and_one_with_a_header_only_have_no_chunk(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "header.csv").write_text("id,note\n")

    assert _cuts(FileChunks(tmp_path / "empty.csv")) == []
    assert _cuts(FileChunks(tmp_path / "header.csv")) == []


@pytest.mark.parametrize(
    "options", [{"rows": 0}, {"rows": 1, "mebibytes": 1}, {"mebibytes": -1}], ids=str
)
def test_a_size_that_is_none_is_refused(tmp_path: Path, options: dict[str, int]) -> None:
    (tmp_path / "t.csv").write_text(CSV)

    with pytest.raises(UnfitBatchesError, match="Give one of them, above 0"):
        _cuts(FileChunks(tmp_path / "t.csv", **options))  # type: ignore[arg-type]  # by name


def test_a_file_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnfitBatchesError, match="No such file"):
        _cuts(FileChunks(tmp_path / "t.csv"))


def test_a_packed_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"{n},{hash(n * 7919)}\n" for n in range(100_000)).encode())
    (tmp_path / "t.csv.gz").write_bytes(packed[: len(packed) // 2])

    with pytest.raises(UnfitBatchesError, match="cut off"):
        _cuts(FileChunks(tmp_path / "t.csv.gz", rows=1_000))
