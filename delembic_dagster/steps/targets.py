"""The migrations that the asset keys and checks of a step represent."""

from __future__ import annotations

from delembic import Graph
from delembic_dagster.errors import NoAssetForRevisionError
from delembic_dagster.metadata import REVISION, STOP_AFTER
from delembic_dagster.steps.session import Context
from delembic_dagster.steps.step import Step


class AssetTargets:
    """Finds the migrations of an asset by the revisions in the metadata of its specs.

    Args:
        context: The context of the asset that is being executed.
        graph: The project's revisions.
    """

    def __init__(self, context: Context, graph: Graph) -> None:
        definition = context.assets_def
        self._graph = graph
        self._only_key = next(iter(definition.keys)) if len(definition.keys) == 1 else None
        self._selected = context.selected_asset_keys
        self._keys = {
            str(spec.metadata[REVISION]): spec.key
            for spec in definition.specs
            if REVISION in spec.metadata
        }
        self._stop_after = {
            spec.key: float(spec.metadata[STOP_AFTER])
            for spec in definition.specs
            if STOP_AFTER in spec.metadata
        }
        self._code_versions = {spec.key: spec.code_version for spec in definition.specs}
        self._checks = {
            spec.asset_key: spec.key
            for spec in definition.check_specs
            if REVISION in (spec.metadata or {}) and spec.key in context.selected_asset_check_keys
        }

    def selected(self) -> list[Step]:
        """Return the migrations to run, in execution order.

        Raises:
            NoAssetForRevisionError: The asset represents none of the project's migrations.
        """
        if not self._keys.keys() & self._graph.keys():
            raise NoAssetForRevisionError
        return [self.step(id_) for id_ in self._graph if self._keys.get(id_) in self._selected]

    def only_checked(self) -> list[Step]:
        """Return the migrations of which only the check is selected, in execution order."""
        alone = self._checks.keys() - self._selected
        return [self.step(id_) for id_ in self._graph if self._keys.get(id_) in alone]

    def step(self, revision: str) -> Step:
        """Return one migration as a step; a single key without a revision represents any migration.

        Raises:
            NoAssetForRevisionError: The asset has no key for this migration.
        """
        key = self._keys.get(revision) if self._keys else self._only_key
        if key is None:
            raise NoAssetForRevisionError(revision)
        return Step(
            self._graph[revision],
            key,
            self._checks.get(key),
            self._code_versions.get(key),
            self._stop_after.get(key),
        )
