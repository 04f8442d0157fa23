"""What drivers say in their errors, each in its own way."""

import pytest
from sqlalchemy import create_engine

from delembic.database.driver_errors import error_number, values_withheld


class _MariadbError(Exception):
    """As MariaDB's own driver raises it: the text alone is an argument."""

    errno = 1213


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(Exception(1213, "Deadlock found"), id="pymysql, mysqlclient"),
        pytest.param(_MariadbError("Deadlock found"), id="mariadb"),
    ],
)
def test_the_number_of_an_error_is_known_from_every_driver(error: Exception) -> None:
    assert error_number(error) == 1213


def test_an_error_may_have_none() -> None:
    assert error_number(Exception("broken pipe")) is None
    assert error_number(Exception()) is None


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ('COPY t, line 4213, column name: "secret"', "COPY t, line 4213, column name"),
        ("COPY t, Zeile 7, Spalte name: »secret«", "COPY t, Zeile 7, Spalte name"),
        ("COPY t, ligne 7, colonne name : « secret »", "COPY t, ligne 7, colonne name"),
        ("COPY t、行 7、列 name\uff1a secret", "COPY t、行 7、列 name"),
        ("COPY t, line 1: \"secret\"\nSQL statement 'secret'", "COPY t, line 1"),
    ],
)
def test_the_place_of_a_copy_stays_in_every_language(context: str, place: str) -> None:
    class Diagnosis:
        message_primary, message_hint = "too long", None

    Diagnosis.context = context  # type: ignore[attr-defined]
    error = ValueError(f"too long\nCONTEXT:  {context}")
    error.diag = Diagnosis  # type: ignore[attr-defined]

    with (
        pytest.raises(ValueError) as caught,
        values_withheld(create_engine("sqlite://", hide_parameters=True)),
    ):
        raise error

    assert str(caught.value) == f"too long\nCONTEXT:  {place}"


def test_what_is_no_copy_gives_no_context() -> None:
    class Diagnosis:
        message_primary, message_hint, context = "no", None, "SQL statement 'secret: COPY x'"

    error = ValueError("secret")
    error.diag = Diagnosis  # type: ignore[attr-defined]

    with (
        pytest.raises(ValueError) as caught,
        values_withheld(create_engine("sqlite://", hide_parameters=True)),
    ):
        raise error

    assert str(caught.value) == "no"
