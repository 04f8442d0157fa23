"""``delembic.ini`` as a value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from delembic import Config
from delembic.errors import (
    ConfigFileNotFoundError,
    ConfigSectionNotFoundError,
    ConfigurationError,
    SettingError,
)

Ini = Callable[[str], Config]


@pytest.fixture
def ini(tmp_path: Path) -> Ini:
    """Makes a configuration of the settings in the section ``[delembic]``."""

    def write(settings: str) -> Config:
        path = tmp_path / "delembic.ini"
        path.write_text(f"[delembic]\n{settings}\n")
        return Config.load(path)

    return write


class TestFinding:
    def test_the_nearest_ini_above_is_taken(self, tmp_path: Path) -> None:
        below = tmp_path / "project" / "src" / "package"
        below.mkdir(parents=True)
        for folder in (tmp_path, tmp_path / "project"):
            (folder / "delembic.ini").write_text("[delembic]\n")

        config = Config.find(below)

        assert config.path == tmp_path / "project" / "delembic.ini"
        assert config.root == tmp_path / "project"

    def test_the_working_folder_is_where_the_search_begins(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "delembic.ini").write_text("[delembic]\n")
        monkeypatch.chdir(tmp_path)

        assert Config.find().path == tmp_path / "delembic.ini"

    def test_without_any_the_search_says_where_it_began(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigFileNotFoundError) as caught:
            Config.find(tmp_path)

        assert str(caught.value) == (
            f"There is no delembic.ini in {tmp_path} or in a folder above it.\n"
            "Run 'delembic init' to start a project, or name the file with -c/--config or"
            " DELEMBIC_CONFIG."
        )

    def test_a_named_file_that_is_missing_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigFileNotFoundError) as caught:
            Config.load(tmp_path / "other.ini")

        assert caught.value.message == f"{tmp_path / 'other.ini'} does not exist."


class TestReading:
    def test_a_section_of_several_is_chosen_by_its_name(self, tmp_path: Path) -> None:
        path = tmp_path / "both.ini"
        path.write_text("[delembic]\nlock_timeout = 1\n[reports]\nlock_timeout = 2\n")

        assert Config.load(path).lock_timeout_seconds == 1
        assert Config.load(path, "reports").lock_timeout_seconds == 2

    @pytest.mark.parametrize(
        ("content", "has"),
        [("[alembic]\n[reports]\n", "[alembic], [reports]"), ("", "no section at all")],
    )
    def test_a_section_that_is_missing_is_told_with_those_that_are_there(
        self, tmp_path: Path, content: str, has: str
    ) -> None:
        path = tmp_path / "delembic.ini"
        path.write_text(content)

        with pytest.raises(ConfigSectionNotFoundError) as caught:
            Config.load(path)

        assert str(caught.value) == (
            f"{path} has no section [delembic]; it has {has}.\n"
            "Add the section, or choose another (on the command line with -n/--name)."
        )

    @pytest.mark.parametrize(
        "content",
        [b"script_location = delembic\n", b"[delembic\n", b"[delembic]\nlock = \xff\n"],
        ids=["no section", "broken section", "not UTF-8"],
    )
    def test_a_file_that_is_no_ini_is_told(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "delembic.ini"
        path.write_bytes(content)

        with pytest.raises(ConfigurationError) as caught:
            Config.load(path)

        assert caught.value.message.startswith(f"{path} cannot be read: ")
        assert caught.value.remedy == "Correct the file; it must be an ini file in UTF-8."

    def test_a_file_that_notepad_wrote_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "delembic.ini"
        path.write_text("[delembic]\r\nlock_timeout = 7\r\n", encoding="utf-8-sig")

        assert Config.load(path).lock_timeout_seconds == 7

    def test_its_text_shows_no_password(self, ini: Ini) -> None:
        assert "secret" not in repr(ini("sqlalchemy.url = postgresql://ann:secret@db/x"))


class TestPaths:
    def test_they_are_relative_to_the_ini(
        self, ini: Ini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "data" / "versions").mkdir(parents=True)
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")

        config = ini("script_location = data\nalembic_config = schema/alembic.ini")

        assert config.script_location == tmp_path / "data"
        assert config.versions == tmp_path / "data" / "versions"
        assert config.env_file == tmp_path / "data" / "env.py"
        assert config.alembic_config == tmp_path / "schema" / "alembic.ini"

    def test_an_absolute_path_stays_as_it_is(self, ini: Ini) -> None:
        assert ini("alembic_config = /srv/alembic.ini").alembic_config == Path("/srv/alembic.ini")

    def test_without_settings_there_are_defaults(self, ini: Ini, tmp_path: Path) -> None:
        config = ini("")

        assert config.script_location == tmp_path / "delembic"
        assert config.alembic_config is None
        assert config.url is None
        assert config.metadata_url is None
        assert config.lock == "auto"
        assert config.lock_timeout_seconds == 60
        assert config.hide_parameters is True

    def test_a_missing_versions_folder_is_told_with_what_makes_it(
        self, ini: Ini, tmp_path: Path
    ) -> None:
        folder = tmp_path / "data" / "versions"

        with pytest.raises(SettingError) as caught:
            _ = ini("script_location = data").versions

        assert str(caught.value) == (
            f"{tmp_path / 'delembic.ini'}, [delembic] script_location: there is no folder"
            f" {folder}.\n"
            f"Correct the setting, or create the folder: mkdir -p {folder}"
        )


class TestVariables:
    def test_they_come_from_the_environment(
        self, ini: Ini, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DB_USER", "ann")
        monkeypatch.setenv("DB_PASSWORD", "100%25$x")

        config = ini("sqlalchemy.url = postgresql://${DB_USER}:${DB_PASSWORD}@db/x")

        assert config.url == "postgresql://ann:100%25$x@db/x"

    def test_a_percent_sign_means_itself(self, ini: Ini) -> None:
        url = "postgresql://ann:p%40ss%(x)s%%@db/x"

        assert ini(f"sqlalchemy.url = {url}").url == url

    def test_what_a_variable_holds_is_not_expanded_again(
        self, ini: Ini, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DB_URL", "sqlite:///${OTHER}")

        assert ini("metadata_url = ${DB_URL}").metadata_url == "sqlite:///${OTHER}"

    def test_one_that_is_not_set_is_told_with_the_setting(self, ini: Ini, tmp_path: Path) -> None:
        config = ini("sqlalchemy.url = ${NO_SUCH_VARIABLE}")

        with pytest.raises(SettingError) as caught:
            _ = config.url

        assert str(caught.value) == (
            f"{tmp_path / 'delembic.ini'}, [delembic] sqlalchemy.url: the environment variable"
            " NO_SUCH_VARIABLE is not set.\n"
            "Set it: export NO_SUCH_VARIABLE=…"
        )

    def test_one_that_is_not_needed_need_not_be_set(self, ini: Ini) -> None:
        assert ini("sqlalchemy.url = ${NO_SUCH_VARIABLE}\nlock = none").lock == "none"

    def test_an_empty_setting_counts_as_not_set(
        self, ini: Ini, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EMPTY", "")

        config = ini("sqlalchemy.url =\nmetadata_url = ${EMPTY}\nlock =")

        assert (config.url, config.metadata_url, config.lock) == (None, None, "auto")


class TestValues:
    @pytest.mark.parametrize("kind", ["auto", "advisory", "file", "none"])
    def test_a_kind_of_lock_is_taken_as_written(self, ini: Ini, kind: str) -> None:
        assert ini(f"lock = {kind}").lock == kind

    @pytest.mark.parametrize(
        ("text", "value"), [("true", True), ("no", False), ("OFF", False), ("1", True)]
    )
    def test_yes_and_no_have_their_usual_spellings(self, ini: Ini, text: str, value: bool) -> None:
        assert ini(f"hide_parameters = {text}").hide_parameters is value

    @pytest.mark.parametrize(
        ("setting", "attribute", "fault"),
        [
            ("lock = maybe", "lock", "'maybe' is not one of auto, advisory, file, lease, none."),
            (
                "lock_timeout = soon",
                "lock_timeout_seconds",
                "'soon' is not a number of seconds.",
            ),
            (
                "lock_timeout = -1",
                "lock_timeout_seconds",
                "-1 is not a valid time to wait.\n0 gives up at once.",
            ),
            ("hide_parameters = 2", "hide_parameters", "'2' is neither true nor false."),
        ],
    )
    def test_a_value_that_means_nothing_is_told(
        self, ini: Ini, tmp_path: Path, setting: str, attribute: str, fault: str
    ) -> None:
        config = ini(setting)

        with pytest.raises(SettingError) as caught:
            getattr(config, attribute)

        name = setting.split(maxsplit=1)[0]
        assert str(caught.value) == f"{tmp_path / 'delembic.ini'}, [delembic] {name}: {fault}"

    def test_an_unknown_setting_is_warned_about_with_the_nearest(
        self, ini: Ini, tmp_path: Path
    ) -> None:
        config = ini("sqlalchemy_url = sqlite://\nlock_timeout = 1\nzebra = 1")

        assert config.warnings == [
            f"{tmp_path / 'delembic.ini'}, [delembic]: unknown setting 'sqlalchemy_url'."
            " Did you mean 'sqlalchemy.url'?",
            f"{tmp_path / 'delembic.ini'}, [delembic]: unknown setting 'zebra'.",
        ]

    def test_known_settings_are_not_warned_about(self, ini: Ini) -> None:
        settings = [
            "script_location",
            "sqlalchemy.url",
            "metadata_url",
            "alembic_config",
            "lock",
            "lock_timeout",
            "hide_parameters",
        ]

        assert ini("\n".join(f"{name} =" for name in settings)).warnings == []
