"""How a migration looks in Dagster, and the one place to change that."""

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
    """All that a translator is told of a migration.

    Attributes:
        revision: What its file says.
        project: Where it belongs.
        dependencies: The assets of the migrations that it waits for, already translated.
        schema_revisions: The other names in its ``depends_on``: revisions of Alembic.
        dialect: The kind of database, such as ``postgresql``, if the settings tell.
        spec: The asset that the translator has made of it; ``None`` while it is making it.

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
    """Turns migrations into asset specs and check specs. Subclass it to have them another way.

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
        """Return the asset that stands for a migration.

        An override may change whatever it likes. The order of execution does not hang on it: each
        step looks at the audit tables itself for what it depends on.
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
        """Return the check that stands for a migration's ``validate``.

        Called for migrations that define one; ``None`` shows no check for it, and it is run all
        the same.
        """
        spec = data.spec or self.get_asset_spec(data)
        return AssetCheckSpec(
            name="validate",
            asset=spec.key,
            description="What the migration's validate() expects. It is run in the transaction that"
            " applies the migration, before the commit, and cannot be run alone.",
            blocking=True,
            metadata={REVISION: data.revision.id},
        )

    def get_op_settings(self, data: DelembicTranslatorData) -> OpSettings:
        """Return what applies to the op of a migration, where each has an op of its own.

        By default what the migration's class says below ``meta["dagster"]``. Whatever is not set
        is taken from the arguments of `build_delembic_assets`.
        """
        return dagster_meta(data.revision).op_settings
