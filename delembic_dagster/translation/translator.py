"""How a migration looks in Dagster, and the place to change that."""

from __future__ import annotations

from dataclasses import dataclass

from dagster import AssetCheckSpec, AssetKey, AssetSpec

from delembic import Revision
from delembic_dagster.metadata import REVISION, definition_metadata
from delembic_dagster.naming import group_name, is_owner, key_part, tag_name, tag_value
from delembic_dagster.project import DelembicProject
from delembic_dagster.translation.class_settings import dagster_meta
from delembic_dagster.translation.op_settings import OpSettings
from delembic_dagster.translation.schema_assets import schema_asset_key


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


class DagsterDelembicTranslator:
    """Turns migrations into asset specs and check specs. Subclass it to change them.

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

    def get_asset_spec(self, data: DelembicTranslatorData) -> AssetSpec:
        """Return the asset for a migration.

        An override may change anything. The order of execution does not depend on it: each step
        checks its dependencies in the audit tables itself.
        """
        revision = data.revision
        tags = {tag_name(name): tag_value(value) for name, value in revision.tags.items()}
        meta = dagster_meta(revision)
        schema_keys = map(schema_asset_key, data.schema_revisions)
        return AssetSpec(
            key=AssetKey(["delembic", key_part(revision.id)]),
            deps=[*data.dependencies, *schema_keys, *meta.upstream_keys],
            description=revision.description or None,
            metadata=definition_metadata(revision, data.schema_revisions),
            group_name=group_name(revision.group),
            code_version=revision.checksum,
            owners=[owner for owner in revision.owners if is_owner(owner)],
            tags={name: value for name, value in tags.items() if name},
            kinds={"delembic", *filter(None, [data.dialect]), *meta.kinds},
        )

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
