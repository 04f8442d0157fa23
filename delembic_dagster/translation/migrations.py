"""The migrations of a project, translated and selected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Generic, TypeVar

from dagster import AssetKey

from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.arrangement import Arrangement
from delembic_dagster.translation.selection import Selection, select_revisions
from delembic_dagster.translation.translated import Translated, translate
from delembic_dagster.translation.translator import DagsterDelembicTranslator

_T = TypeVar("_T")

_REMEMBERED = 8
"""The number of translated projects to keep; the least recently used one is dropped."""

_AS_TRANSLATED = Arrangement()
_PLAIN = DagsterDelembicTranslator()


@dataclass(frozen=True, eq=False)
class Migrations(Mapping[str, Translated]):
    """Migrations of one project by revision, in execution order.

    Builders create this value from their arguments and pass it on.

    Attributes:
        project: The project that the migrations belong to.
        everything: All migrations of the project, selected or not.
        meant: The selected migrations.

    Example:
        >>> from delembic_dagster import DelembicProject
        >>> migrations = Migrations.of(DelembicProject("example_project"), select="upto:D002")
        >>> list(migrations)
        ['D001', 'D002']
        >>> migrations["D002"].spec.key.to_user_string()
        'delembic/D002'
    """

    project: DelembicProject
    everything: Mapping[str, Translated]
    meant: Mapping[str, Translated]

    @classmethod
    def of(
        cls,
        project: DelembicProject,
        translator: DagsterDelembicTranslator | None = None,
        select: Selection | None = None,
        arrangement: Arrangement = _AS_TRANSLATED,
    ) -> Migrations:
        """Return the selected migrations of a project, with the assets that a translator makes.

        The translator is called once for each migration, even if several builders are called with
        the same project and translator.

        Args:
            project: The project.
            translator: Defines how the migrations look in Dagster.
            select: The migrations to select; all if ``None``.
            arrangement: Applies to all assets, before that of the translator.

        Raises:
            DefinitionError: Something is wrong with the files, the selection or the translator.
            ConfigurationError: Something is wrong with ``delembic.ini``.
        """
        everything = _translated(_Itself(project), _Itself(translator or _PLAIN), arrangement)
        return cls(project, everything, everything).select(select)

    def select(self, selection: Selection | None) -> Migrations:
        """Return the selected migrations of the same project.

        Raises:
            UnknownRevisionError: The selection names a revision that does not exist.
            SelectionError: The selection is invalid, or contains ``pending``.
        """
        revisions = select_revisions(self.project.graph, selection)
        return replace(self, meant={id_: self.everything[id_] for id_ in revisions})

    def keys_of(self, revisions: Iterable[str]) -> list[AssetKey]:
        """Return the asset keys of some of the migrations."""
        return [self[revision].spec.key for revision in revisions]

    def __getitem__(self, revision: str) -> Translated:
        return self.meant[revision]

    def __iter__(self) -> Iterator[str]:
        return iter(self.meant)

    def __len__(self) -> int:
        return len(self.meant)


class _Itself(Generic[_T]):
    """A value that is compared by identity.

    Two projects in the same folder are equal, but one may have been read before a file changed.
    """

    def __init__(self, value: _T) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@lru_cache(_REMEMBERED)
def _translated(
    project: _Itself[DelembicProject],
    translator: _Itself[DagsterDelembicTranslator],
    arrangement: Arrangement,
) -> Mapping[str, Translated]:
    return translate(project.value, translator.value, arrangement)
