"""Which of a running asset's keys and checks stand for which migrations."""

from __future__ import annotations

from dagster import AssetCheckKey, AssetKey

from delembic import Graph
from delembic_dagster.errors import NoAssetForRevisionError
from delembic_dagster.metadata import REVISION
from delembic_dagster.step import Context


class AssetTargets:
    """What an asset defines, found by the revision in the metadata of its specs.

    Args:
        context: Of the asset that is being executed.
    """

    def __init__(self, context: Context) -> None:
        definition = context.assets_def
        self._only_key = next(iter(definition.keys)) if len(definition.keys) == 1 else None
        self._selected = context.selected_asset_keys
        self._keys = {
            str(spec.metadata[REVISION]): spec.key
            for spec in definition.specs
            if REVISION in spec.metadata
        }
        self._checks = {
            spec.asset_key: spec.key
            for spec in definition.check_specs
            if REVISION in (spec.metadata or {}) and spec.key in context.selected_asset_check_keys
        }

    def selected_revisions(self, graph: Graph) -> list[str]:
        """Return the revisions that are to be run, in execution order.

        Raises:
            NoAssetForRevisionError: The asset stands for none of the project's migrations.
        """
        if not self._keys.keys() & graph.keys():
            raise NoAssetForRevisionError
        return [id_ for id_ in graph if self._keys.get(id_) in self._selected]

    def key(self, revision: str) -> AssetKey:
        """Return the asset of a revision; the only one there is, if none is marked with any.

        Raises:
            NoAssetForRevisionError: There are others, but not this one.
        """
        found = self._keys.get(revision) if self._keys else self._only_key
        if found is None:
            raise NoAssetForRevisionError(revision)
        return found

    def check(self, key: AssetKey) -> AssetCheckKey | None:
        """Return the check that shows the ``validate`` of an asset's migration, if it has one."""
        return self._checks.get(key)
