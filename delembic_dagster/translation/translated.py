"""The assets and checks that a translator makes, checked and tied to their revisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from dagster import AssetCheckSpec, AssetKey, AssetSpec, DagsterInvalidDefinitionError

from delembic import Revision
from delembic_dagster.errors import AssetKeyTakenError, TranslationError
from delembic_dagster.metadata import REVISION
from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.translator import (
    DagsterDelembicTranslator,
    DelembicTranslatorData,
)


@dataclass(frozen=True, slots=True)
class Translated:
    """A migration with its asset and its check.

    Attributes:
        revision: The migration.
        spec: Its asset.
        check: The check for its ``validate``, if it has one.
        settings: The settings of its op that are its own.
    """

    revision: Revision
    spec: AssetSpec
    check: AssetCheckSpec | None
    settings: OpSettings


def translate(
    project: DelembicProject, translator: DagsterDelembicTranslator
) -> dict[str, Translated]:
    """Return a project's migrations as translated, by revision, in execution order.

    Raises:
        DefinitionError: Something is wrong with the files or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.
    """
    translation = _Translation(project, translator)
    return {id_: translation.of(revision) for id_, revision in project.graph.items()}


class _Translation:
    """Translates a project in execution order, so that dependencies come first."""

    def __init__(self, project: DelembicProject, translator: DagsterDelembicTranslator) -> None:
        self._project = project
        self._translator = translator
        self._keys: dict[str, AssetKey] = {}
        self._revisions: dict[AssetKey, str] = {}

    def of(self, revision: Revision) -> Translated:
        data = self._data(revision)
        spec = self._spec(data)
        self._claim(spec.key, revision.id)
        data = replace(data, spec=spec)
        return Translated(revision, spec, self._check(data, spec.key), self._settings(data))

    def _data(self, revision: Revision) -> DelembicTranslatorData:
        names = self._project.graph.dependencies(revision.id)
        return DelembicTranslatorData(
            revision=revision,
            project=self._project,
            dependencies=tuple(self._keys[name] for name in names),
            schema_revisions=tuple(n for n in revision.depends_on if n not in names),
            dialect=self._project.dialect,
        )

    def _spec(self, data: DelembicTranslatorData) -> AssetSpec:
        with _naming_the_revision(data.revision.id):
            spec = self._translator.get_asset_spec(data)
        if not isinstance(spec, AssetSpec):
            raise TranslationError(data.revision.id, f"is not an AssetSpec: {spec!r}.")
        # A step finds the asset of a revision by this, whatever the translator changed.
        if spec.metadata.get(REVISION) == data.revision.id:
            return spec
        return spec.merge_attributes(metadata={REVISION: data.revision.id})

    def _check(self, data: DelembicTranslatorData, key: AssetKey) -> AssetCheckSpec | None:
        if not data.revision.validates:
            return None
        check = self._translator.get_asset_check_spec(data)
        if check is None:
            return None
        if not isinstance(check, AssetCheckSpec):
            raise TranslationError(
                data.revision.id, f"has a check that is not an AssetCheckSpec: {check!r}."
            )
        if check.asset_key != key:
            where = check.asset_key.to_user_string()
            raise TranslationError(
                data.revision.id, f"puts its check on a different asset, {where}."
            )
        metadata = check.metadata or {}
        if metadata.get(REVISION) == data.revision.id:
            return check
        return check.with_metadata({**metadata, REVISION: data.revision.id})

    def _settings(self, data: DelembicTranslatorData) -> OpSettings:
        settings = self._translator.get_op_settings(data)
        if not isinstance(settings, OpSettings):
            raise TranslationError(
                data.revision.id, f"has op settings that are not OpSettings: {settings!r}."
            )
        return settings

    def _claim(self, key: AssetKey, revision: str) -> None:
        if key in self._revisions:
            raise AssetKeyTakenError(key, self._revisions[key], revision)
        self._revisions[key] = revision
        self._keys[revision] = key


@contextmanager
def _naming_the_revision(revision: str) -> Iterator[None]:
    """Name the migration in the error if Dagster rejects its asset."""
    try:
        yield
    except DagsterInvalidDefinitionError as error:
        raise TranslationError(
            revision,
            f"is rejected by Dagster: {error}",
            "Correct the translator, or the attributes of the migration's class.",
        ) from error
