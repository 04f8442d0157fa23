"""The five vocabularies, and how their entries become concepts."""

from dataclasses import dataclass
from datetime import date

from ._source import Entry

# OMOP's dates for "always" and "until further notice".
VALID_START = date(1970, 1, 1)
VALID_END = date(2099, 12, 31)


@dataclass(frozen=True)
class Vocabulary:
    """One standard. Its ids are above 2,000,000,000, which OMOP leaves to local concepts."""

    vocabulary_id: str
    name: str
    reference: str
    domain_id: str
    concept_class_id: str
    first_concept_id: int

    def concept_id(self, code: str) -> int:
        """Read the code as a number in base 36, counted from the vocabulary's first id.

        A code therefore has the same id in every database and with every release of the source,
        no matter which other codes are added or removed.
        """
        return self.first_concept_id + int(code.replace("-", ""), 36)

    def concept(self, entry: Entry) -> dict[str, object]:
        """Return the entry as a row for `concept_staging`."""
        return {
            "concept_id": self.concept_id(entry.code),
            "concept_name": entry.name,
            "domain_id": self.domain_id,
            "vocabulary_id": self.vocabulary_id,
            "concept_class_id": self.concept_class_id,
            "standard_concept": "S",
            "concept_code": entry.code,
            "valid_start_date": VALID_START,
            "valid_end_date": VALID_END,
            "invalid_reason": None,
            "parent_code": entry.parent_code,
        }


COUNTRIES = Vocabulary(
    vocabulary_id="ISO3166-1",
    name="Countries and territories",
    reference="https://www.iso.org/iso-3166-country-codes.html",
    domain_id="Geography",
    concept_class_id="Country",
    first_concept_id=2_000_000_000,
)
SUBDIVISIONS = Vocabulary(
    vocabulary_id="ISO3166-2",
    name="Subdivisions of countries",
    reference="https://www.iso.org/iso-3166-country-codes.html",
    domain_id="Geography",
    concept_class_id="Subdivision",
    first_concept_id=2_010_000_000,  # two letters and three more: room for 36 ** 5 = 60,466,176
)
LANGUAGES = Vocabulary(
    vocabulary_id="ISO639-3",
    name="Languages",
    reference="https://iso639-3.sil.org",
    domain_id="Language",
    concept_class_id="Language",
    first_concept_id=2_080_000_000,
)
CURRENCIES = Vocabulary(
    vocabulary_id="ISO4217",
    name="Currencies",
    reference="https://www.iso.org/iso-4217-currency-codes.html",
    domain_id="Currency",
    concept_class_id="Currency",
    first_concept_id=2_090_000_000,
)
SCRIPTS = Vocabulary(
    vocabulary_id="ISO15924",
    name="Writing systems",
    reference="https://www.unicode.org/iso15924/",
    domain_id="Script",
    concept_class_id="Script",
    first_concept_id=2_100_000_000,
)
VOCABULARIES = (COUNTRIES, SUBDIVISIONS, LANGUAGES, CURRENCIES, SCRIPTS)
