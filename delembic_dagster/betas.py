"""Parts of Dagster that it calls beta."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from dagster import BetaWarning


@contextmanager
def quiet_about_betas() -> Iterator[None]:
    """Keep Dagster's warnings of its betas from those who use delembic, and cannot change it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)
        yield
