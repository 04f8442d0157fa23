"""Where a project's assets are put: what their keys are made of, and their group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from dagster import AssetSpec

from delembic import ConfigurationError, Revision

Names = Literal["revision", "file"]
"""What the last part of an asset key is: the revision, or the name of its file."""

KeyPrefix = str | Sequence[str]
"""One or several parts in front of all asset keys."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What applies to all assets of a project, whatever a translator makes of each.

    Attributes:
        names: ``revision`` for ``delembic/D007``, or ``file`` for
            ``delembic/D007_geography_concepts``; ``None`` is ``revision``.
        key_prefix: The parts in front of all keys, those of Alembic's revisions included.
        group_name: The group of all migrations; ``None`` leaves each in its own.
        schema_assets: Whether the revisions of Alembic are assets; ``None`` is yes.

    Example:
        >>> spec = Arrangement(key_prefix=("warehouse",)).put(AssetSpec("D001"))
        >>> spec.key.to_user_string()
        'warehouse/D001'
    """

    names: Names | None = None
    key_prefix: tuple[str, ...] = ()
    group_name: str | None = None
    schema_assets: bool | None = None

    @classmethod
    def of(
        cls,
        names: Names | None = None,
        key_prefix: KeyPrefix | None = None,
        group_name: str | None = None,
        schema_assets: bool | None = None,
    ) -> Arrangement:
        """Return the arrangement for the arguments of a builder.

        Raises:
            ConfigurationError: There are no such names.
        """
        if names not in (None, *get_args(Names)):
            raise ConfigurationError(
                f"There are no names {names!r}.", "Choose names='revision' or names='file'."
            )
        prefix = (key_prefix,) if isinstance(key_prefix, str) else tuple(key_prefix or ())
        return cls(names, prefix, group_name, schema_assets)

    def over(self, general: Arrangement) -> Arrangement:
        """Return this arrangement, completed by a general one where it says nothing."""
        return replace(
            general,
            names=self.names or general.names,
            key_prefix=self.key_prefix + general.key_prefix,
            group_name=self.group_name or general.group_name,
            schema_assets=general.schema_assets
            if self.schema_assets is None
            else self.schema_assets,
        )

    @property
    def has_schema_assets(self) -> bool:
        """Whether the revisions of Alembic are assets."""
        return self.schema_assets is not False

    def name(self, revision: Revision) -> str:
        """Return what a migration is called in the key of its asset."""
        return revision.path.stem if self.names == "file" else revision.id

    def put(self, spec: AssetSpec, *, group: bool = True) -> AssetSpec:
        """Return an asset with the prefix in front of its key, and in the group.

        Args:
            spec: The asset, as a translator has made it.
            group: Whether the asset is in the group too.
        """
        changes: dict[str, Any] = {}
        if self.key_prefix:
            changes["key"] = spec.key.with_prefix(self.key_prefix)
        if group and self.group_name:
            changes["group_name"] = self.group_name
        return spec.replace_attributes(**changes) if changes else spec
