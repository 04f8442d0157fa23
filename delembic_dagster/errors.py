"""What can be wrong with the Dagster side of a project, as part of delembic's tree of errors."""

from __future__ import annotations

from dagster import AssetKey

from delembic import DefinitionError


class TranslationError(DefinitionError):
    """A translator returned something that no asset or check can be made of."""

    def __init__(self, revision: str, problem: str) -> None:
        super().__init__(f"The translation of {revision} {problem}", "Correct the translator.")
        self.revision = revision


class AssetKeyTakenError(DefinitionError):
    """The translator gave two revisions the same asset key."""

    def __init__(self, key: AssetKey, first: str, second: str) -> None:
        super().__init__(
            f"The revisions {first} and {second} both became the asset {key.to_user_string()}.",
            "Let the translator make a key that has the revision in it.",
        )
        self.key = key


class SelectionError(DefinitionError):
    """A selection asks for something that cannot be had where it is used."""


class NoAssetForRevisionError(DefinitionError):
    """`DelembicResource` was called in an asset that shows no such migration."""

    def __init__(self, revision: str | None = None) -> None:
        super().__init__(
            f"This asset stands for {f'no migration {revision}' if revision else 'no migration'}.",
            "Define it as @multi_asset(specs=build_delembic_asset_specs(project)), or call the"
            " resource from an op.",
        )
        self.revision = revision
