"""The migrations that are meant: those of a project, translated and selected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Generic, TypeVar

from dagster import AssetKey

from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.selection import Selection, select_revisions
from delembic_dagster.translation.translated import Translated, translate
from delembic_dagster.translation.translator import DagsterDelembicTranslator

_T = TypeVar("_T")

_REMEMBERED = 8
"""Whole translations that are kept; of more, those that were asked for last."""

_PLAIN = DagsterDelembicTranslator()


@dataclass(frozen=True, eq=False)
class Migrations(Mapping[str, Translated]):
    """Migrations of one project by their revisions; iterating goes in execution order.

    Builders make this value of their arguments, and everything below them takes it.

    Attributes:
        project: Where the migrations belong.
        everything: All migrations of the project, whether they are meant or not.
        meant: Those that are.

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
    ) -> Migrations:
        """Return the selected migrations of a project, as a translator shows them.

        Builders that are called one after the other share what a translator has answered: it is
        asked once for each migration.

        Args:
            project: Whose migrations.
            translator: How they look.
            select: Which of them; all if ``None``.

        Raises:
            DefinitionError: Something is wrong with the files, the selection or the translator.
            ConfigurationError: Something is wrong with ``delembic.ini``.
        """
        everything = _translated(_Itself(project), _Itself(translator or _PLAIN))
        return cls(project, everything, everything).select(select)

    def select(self, selection: Selection | None) -> Migrations:
        """Return the migrations of the same project that a selection means.

        Raises:
            UnknownRevisionError: It names a revision that does not exist.
            SelectionError: It means nothing, or asks for ``pending``.
        """
        revisions = select_revisions(self.project.graph, selection)
        return replace(self, meant={id_: self.everything[id_] for id_ in revisions})

    def keys_of(self, revisions: Iterable[str]) -> list[AssetKey]:
        """Return the keys of the assets that stand for some of the migrations."""
        return [self[revision].spec.key for revision in revisions]

    def __getitem__(self, revision: str) -> Translated:
        return self.meant[revision]

    def __iter__(self) -> Iterator[str]:
        return iter(self.meant)

    def __len__(self) -> int:
        return len(self.meant)


class _Itself(Generic[_T]):
    """Something that is equal to nothing else, unlike two projects read from the same folder.

    One of them may have been read before a file was changed.
    """

    def __init__(self, value: _T) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


@lru_cache(_REMEMBERED)
def _translated(
    project: _Itself[DelembicProject], translator: _Itself[DagsterDelembicTranslator]
) -> Mapping[str, Translated]:
    return translate(project.value, translator.value)
