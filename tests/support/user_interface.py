"""Dagster's user interface, through the requests that its pages send."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}

LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
  ... on RepositoryLocation { name repositories { name } } ... on PythonError { message }
} } } } }"""

ASSETS = """{ assetNodes {
  assetKey { path }
  assetMaterializations(limit: 1) { metadataEntries { label ... on TextMetadataEntry { text } } }
  assetChecksOrError { ... on AssetChecks { checks {
    name executionForLatestMaterialization { status }
  } } }
} }"""

LAUNCH = """mutation ($executionParams: ExecutionParams!) {
  launchRun(executionParams: $executionParams) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  }
}"""

STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


class UserInterface:
    """A running web server with one code location.

    Args:
        address: The address, such as ``http://127.0.0.1:3000``.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def is_up(self) -> bool:
        """Whether it answers; it reports that it is serving slightly before it is."""
        try:
            self._ask("{ version }")
        except URLError:
            return False
        return True

    def materialize_all(self) -> str:
        """Press *Materialize all*, and return the run's id."""
        (entry,) = self._ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        location = entry["locationOrLoadError"]
        assert "name" in location, location
        (repository,) = location["repositories"]
        answer = self._ask(
            LAUNCH,
            executionParams={
                "mode": "default",
                "selector": {
                    "repositoryLocationName": location["name"],
                    "repositoryName": repository["name"],
                    "jobName": "__ASSET_JOB",
                    "assetSelection": [each["assetKey"] for each in self._assets()],
                },
            },
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def status(self, run: str) -> str:
        """The state of a run."""
        return str(self._ask(STATUS, id=run)["runOrError"]["status"])

    def materializations(self) -> dict[str, str]:
        """The value of ``delembic/status`` in the latest materialization of each asset."""
        return {
            "/".join(each["assetKey"]["path"]): entry["text"]
            for each in self._assets()
            for materialization in each["assetMaterializations"]
            for entry in materialization["metadataEntries"]
            if entry["label"] == "delembic/status"
        }

    def checks(self) -> dict[str, str]:
        """The state of each check from the asset's latest materialization."""
        return {
            f"{'/'.join(each['assetKey']['path'])}:{check['name']}": execution["status"]
            for each in self._assets()
            for check in each["assetChecksOrError"].get("checks", ())
            if (execution := check["executionForLatestMaterialization"])
        }

    def _assets(self) -> list[dict[str, Any]]:
        assets: list[dict[str, Any]] = self._ask(ASSETS)["assetNodes"]
        return assets

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = Request(
            f"{self._address}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data
