"""The entries of the ISO standards: from the `pycountry` package, and the scripts from a file."""

import csv
from pathlib import Path
from typing import NamedTuple

import pycountry

SCRIPTS_FILE = "data/scripts.csv"
"""Relative to the folder of ``delembic.ini``; the entries of pycountry 26.2."""


class Entry(NamedTuple):
    """One entry of a standard: its code, its name, and the code of what it is part of."""

    code: str
    name: str
    parent_code: str | None = None


def countries() -> list[Entry]:
    """Return ISO 3166-1: countries and territories by their two letters."""
    return [Entry(country.alpha_2, country.name) for country in pycountry.countries]


def subdivisions() -> list[Entry]:
    """Return ISO 3166-2: each is part of another subdivision or else directly of its country."""
    return [
        Entry(item.code, item.name, item.parent_code or item.country_code)
        for item in pycountry.subdivisions
    ]


def languages() -> list[Entry]:
    """Return ISO 639-3: languages by their three letters."""
    return [Entry(language.alpha_3, language.name) for language in pycountry.languages]


def currencies() -> list[Entry]:
    """Return ISO 4217: currencies by their three letters."""
    return [Entry(currency.alpha_3, currency.name) for currency in pycountry.currencies]


def scripts() -> list[Entry]:
    """Return ISO 15924: writing systems by their four letters."""
    path = Path(__file__).parents[2] / SCRIPTS_FILE
    with path.open(newline="", encoding="utf-8") as file:
        return [Entry(row["code"], row["name"]) for row in csv.DictReader(file)]
