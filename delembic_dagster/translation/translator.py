"""How a migration looks in Dagster, and the place to change that."""

from __future__ import annotations

from dataclasses import dataclass

from dagster import AssetCheckSpec, AssetKey, AssetSpec

from delembic import Revision
from delembic_dagster.metadata import REVISION, SCHEMA_REVISION, definition_metadata
from delembic_dagster.naming import group_name, is_owner, key_part, tag_name, tag_value
from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.arrangement import Arrangement, KeyPrefix, Names
from delembic_dagster.translation.class_settings import dagster_meta
from delembic_dagster.translation.op_settings import OpSettings


@dataclass(frozen=True, slots=True)
class DelembicTranslatorData:
    """The data that a translator receives about a migration.

    Attributes:
        revision: The migration, as its file defines it.
        project: The project that it belongs to.
        dependencies: The asset keys of the migrations that it depends on.
        schema_revisions: The other names in its ``depends_on``: revisions of Alembic.
        dialect: The kind of database, such as ``postgresql``, if the settings reveal it.
        spec: The asset that the translator has returned; ``None`` in
            `DagsterDelembicTranslator.get_asset_spec`.
        schema_assets: The asset keys of these revisions of Alembic; none if they are left out.
        name: What the migration is called in the key of its asset: its revision, unless
            ``names="file"``.

    Example:
        >>> from delembic_dagster import DelembicProject
        >>> project = DelembicProject("example_project")
        >>> data = DelembicTranslatorData(project.graph["D001"], project, (), ("S001",), None)
        >>> DagsterDelembicTranslator().get_asset_spec(data).description
        'register the vocabularies'
    """

    revision: Revision
    project: DelembicProject
    dependencies: tuple[AssetKey, ...]
    schema_revisions: tuple[str, ...]
    dialect: str | None
    spec: AssetSpec | None = None
    schema_assets: tuple[AssetKey, ...] = ()
    name: str = ""

    @property
    def default_key(self) -> AssetKey:
        """The key of the migration's asset, unless the translator changes it."""
        return AssetKey(["delembic", key_part(self.name or self.revision.id)])


@dataclass(frozen=True, slots=True)
class DelembicSchemaRevisionData:
    """The data that a translator receives about a revision of Alembic.

    Attributes:
        schema_revision: The revision of Alembic.
        waiting: A migration that waits for it.

    Example:
        >>> from delembic_dagster import DelembicProject
        >>> project = DelembicProject("example_project")
        >>> waiting = DelembicTranslatorData(project.graph["D001"], project, (), ("S001",), None)
        >>> data = DelembicSchemaRevisionData("S001", waiting)
        >>> DagsterDelembicTranslator().get_schema_asset_spec(data).key.to_user_string()
        'alembic/S001'
    """

    schema_revision: str
    waiting: DelembicTranslatorData


class DagsterDelembicTranslator:
    """Turns migrations into asset specs and check specs. Subclass it to change them.

    Args:
        names: What the last part of the asset keys is, and thereby the names of ops and steps:
            ``revision`` (``delembic/D007``) or ``file`` (``delembic/D007_geography_concepts``).
        key_prefix: One or several parts in front of all asset keys.
        group_name: The group of all migrations; each is in the group that it names if ``None``.
        schema_assets: Whether the revisions of Alembic that migrations wait for are assets.

    Attributes:
        arrangement: These arguments. A builder's arguments of the same names come first.

    Example:
        >>> class Warehouse(DagsterDelembicTranslator):
        ...     def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        ...         spec = super().get_asset_spec(data)
        ...         return spec.replace_attributes(key=["warehouse", data.revision.id])
        >>> from delembic_dagster import build_delembic_asset_specs
        >>> specs = build_delembic_asset_specs(
        ...     DelembicProject("example_project"), translator=Warehouse()
        ... )
        >>> specs[0].key.to_user_string()
        'warehouse/D001'
    """

    arrangement = Arrangement()

    def __init__(
        self,
        *,
        names: Names | None = None,
        key_prefix: KeyPrefix | None = None,
        group_name: str | None = None,
        schema_assets: bool | None = None,
    ) -> None:
        self.arrangement = Arrangement.of(names, key_prefix, group_name, schema_assets)

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        """Return the asset for a migration.

        An override may change anything. The order of execution does not depend on it: each step
        checks its dependencies in the audit tables itself.
        """
        revision = data.revision
        tags = {tag_name(name): tag_value(value) for name, value in revision.tags.items()}
        meta = dagster_meta(revision)
        return AssetSpec(
            key=data.default_key,
            deps=[*data.dependencies, *data.schema_assets, *meta.upstream_keys],
            description=revision.description or None,
            metadata=definition_metadata(revision, data.schema_revisions),
            group_name=group_name(revision.group),
            code_version=revision.checksum,
            owners=[owner for owner in revision.owners if is_owner(owner)],
            tags={name: value for name, value in tags.items() if name},
            kinds={"delembic", *filter(None, [data.dialect]), *meta.kinds},
        )

    def get_schema_asset_spec(self, data: DelembicSchemaRevisionData) -> AssetSpec | None:
        """Return the external asset for a revision of Alembic that migrations wait for.

        What `get_asset_spec` puts in front of the key of a migration, this puts in front of the
        keys of the revisions that it waits for. If it returns ``None``, there is no such asset.
        """
        name = data.schema_revision
        return AssetSpec(
            key=AssetKey([*self._prefix(data.waiting), "alembic", key_part(name)]),
            # Its message is not read here: that would import Alembic, and run its scripts.
            description=f"The revision {name} of Alembic. Data migrations wait for it. Alembic"
            " applies it, not Dagster: once it is applied, the sensor for what was run elsewhere"
            " reports it here, with Alembic's message.",
            metadata={SCHEMA_REVISION: name},
            group_name="alembic",
            kinds={"alembic"},
        )

    def _prefix(self, data: DelembicTranslatorData) -> list[str]:
        """Return what an override of `get_asset_spec` puts in front of the default key."""
        if type(self).get_asset_spec is DagsterDelembicTranslator.get_asset_spec:
            return []
        path, usual = [*self.get_asset_spec(data).key.path], [*data.default_key.path]
        return path[: -len(usual)] if path[-len(usual) :] == usual else []

    def get_asset_check_spec(self, data: DelembicTranslatorData) -> AssetCheckSpec | None:
        """Return the check for a migration's ``validate``.

        It is called for migrations that define ``validate``. If it returns ``None``, Dagster shows
        no check, but ``validate`` is still run.
        """
        spec = data.spec or self.get_asset_spec(data)
        return AssetCheckSpec(
            name="validate",
            asset=spec.key,
            description="The migration's validate(). It runs in the transaction that applies the"
            " migration, before the commit, and cannot be run on its own.",
            blocking=True,
            metadata={REVISION: data.revision.id},
        )

    def get_op_settings(self, data: DelembicTranslatorData) -> OpSettings:
        """Return the settings for a migration's op, where each migration has an op of its own.

        By default, they come from ``meta["dagster"]`` in the migration's class. Settings that are
        not set come from the arguments of `build_delembic_assets`.
        """
        return dagster_meta(data.revision).op_settings
