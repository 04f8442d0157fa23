"""The assets and checks that a translator makes, checked and tied to their revisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from dagster import AssetCheckSpec, AssetKey, AssetSpec, DagsterInvalidDefinitionError

from delembic import Revision
from delembic_dagster.errors import AssetKeyTakenError, TranslationError
from delembic_dagster.metadata import REVISION, SCHEMA_REVISION, STOP_AFTER
from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.arrangement import Arrangement
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.translator import (
    DagsterDelembicTranslator,
    DelembicSchemaRevisionData,
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
        schema_specs: The assets of the revisions of Alembic that it waits for.
    """

    revision: Revision
    spec: AssetSpec
    check: AssetCheckSpec | None
    settings: OpSettings
    schema_specs: tuple[AssetSpec, ...] = ()


def translate(
    project: DelembicProject, translator: DagsterDelembicTranslator, arrangement: Arrangement
) -> dict[str, Translated]:
    """Return a project's migrations as translated, by revision, in execution order.

    Args:
        project: The project.
        translator: Translates each migration.
        arrangement: Applies to all of them, before that of the translator.

    Raises:
        DefinitionError: Something is wrong with the files or the translator.
        ConfigurationError: Something is wrong with ``delembic.ini``.
    """
    translation = _Translation(project, translator, arrangement.over(translator.arrangement))
    return {id_: translation.of(revision) for id_, revision in project.graph.items()}


class _Translation:
    """Translates a project in execution order, so that dependencies come first."""

    def __init__(
        self,
        project: DelembicProject,
        translator: DagsterDelembicTranslator,
        arrangement: Arrangement,
    ) -> None:
        self._project = project
        self._translator = translator
        self._arrangement = arrangement
        self._keys: dict[str, AssetKey] = {}
        self._revisions: dict[AssetKey, str] = {}

    def of(self, revision: Revision) -> Translated:
        data = self._data(revision)
        schema = self._schema(data)
        data = replace(data, schema_assets=tuple(spec.key for spec in schema))
        spec = self._spec(data)
        self._claim(spec.key, revision.id)
        data = replace(data, spec=spec)
        check, settings = self._check(data, spec.key), self._settings(data)
        if revision.batched and settings.stop_after_seconds is not None:
            # A step of several migrations finds it there, too.
            spec = spec.merge_attributes(metadata={STOP_AFTER: settings.stop_after_seconds})
        return Translated(revision, spec, check, settings, schema)

    def _data(self, revision: Revision) -> DelembicTranslatorData:
        names = self._project.graph.dependencies(revision.id)
        return DelembicTranslatorData(
            revision=revision,
            project=self._project,
            dependencies=tuple(self._keys[name] for name in names),
            schema_revisions=tuple(n for n in revision.depends_on if n not in names),
            dialect=self._project.dialect,
            name=self._arrangement.name(revision),
        )

    def _schema(self, data: DelembicTranslatorData) -> tuple[AssetSpec, ...]:
        if not self._arrangement.has_schema_assets:
            return ()
        specs = (self._schema_spec(data, name) for name in data.schema_revisions)
        return tuple(spec for spec in specs if spec)

    def _schema_spec(self, data: DelembicTranslatorData, name: str) -> AssetSpec | None:
        about = DelembicSchemaRevisionData(name, data)
        with _naming_the_revision(data.revision.id):
            spec = self._translator.get_schema_asset_spec(about)
            if spec is None:
                return None
            if not isinstance(spec, AssetSpec):
                raise TranslationError(
                    data.revision.id,
                    f"makes no AssetSpec of {name}, for which it waits: {spec!r}.",
                )
            # The sensor finds the revision by this, whatever the translator changed.
            if spec.metadata.get(SCHEMA_REVISION) != name:
                spec = spec.merge_attributes(metadata={SCHEMA_REVISION: name})
            return self._arrangement.put(spec, group=False)

    def _spec(self, data: DelembicTranslatorData) -> AssetSpec:
        with _naming_the_revision(data.revision.id):
            spec = self._translator.get_asset_spec(data)
            if not isinstance(spec, AssetSpec):
                raise TranslationError(data.revision.id, f"is not an AssetSpec: {spec!r}.")
            spec = self._arrangement.put(spec)
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
