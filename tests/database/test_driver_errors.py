"""What drivers say in their errors, each in its own way."""

import pytest

from delembic.database.driver_errors import error_number


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
