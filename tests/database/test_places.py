"""Where delembic's tables are: several projects, tenants and schemas in one database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, select, table, text
from sqlalchemy.pool import NullPool

from delembic.database.places import as_before, home_of, lead_home
from delembic.errors import DelembicError, OtherProjectError, SettingError
from support.projects import ProjectFolder
from support.servers.backend import Backend

INSERT = "conn.exec_driver_sql('INSERT INTO t VALUES (1)')"


def _tables(project: ProjectFolder, schema: str | None = None) -> set[str]:
    with project.connection() as conn:
        return set(inspect(conn).get_table_names(schema))


def _tenant(folder: Path, url: str, name: str) -> ProjectFolder:
    own = make_url(url).update_query_dict({"options": f"-csearch_path={name},public"})
    project = ProjectFolder(folder / name, own.render_as_string(hide_password=False))
    project.migration("D001", "conn.exec_driver_sql('CREATE TABLE made (x INTEGER)')")
    return project


class TestProjects:
    @pytest.fixture
    def projects(self, backend: Backend, tmp_path: Path) -> tuple[ProjectFolder, ProjectFolder]:
        """Two projects in one database, both of which begin with the same revision."""
        shop = ProjectFolder(tmp_path / "shop", backend.url)
        billing = ProjectFolder(tmp_path / "billing", backend.url)
        shop.execute("CREATE TABLE t (x INTEGER)")
        shop.migration("D001", INSERT)
        billing.migration("D001", f"{INSERT}\n{INSERT}")
        return shop, billing

    @pytest.mark.parametrize("lock", ["auto", "lease"])
    def test_each_has_tables_and_locks_of_its_own(
        self, projects: tuple[ProjectFolder, ProjectFolder], backend: Backend, lock: str
    ) -> None:
        if lock == "lease" and backend.name == "sqlite":
            pytest.skip("SQLite has no lease")
        shop, billing = projects
        shop.configure(lock=lock)
        billing.configure(lock=lock, version_table="billing")

        shop.upgrade()
        billing.upgrade()
        shop.upgrade()

        assert shop.value("SELECT count(*) FROM t") == 3
        assert shop.states() == billing.states() == {"D001": "applied"}
        assert {"billing", "billing_run_history", "delembic_version"} <= _tables(shop)
        assert shop.value("SELECT count(*) FROM billing_run_history") == 1
        assert ("billing_lease" in _tables(shop)) == (lock == "lease")

    def test_one_with_anothers_tables_is_refused_and_both_are_named(
        self, projects: tuple[ProjectFolder, ProjectFolder]
    ) -> None:
        shop, billing = projects
        shop.upgrade()
        path = billing.versions / "D001.py"
        path.write_text(path.read_text().replace("the work of D001", "bill everybody"))

        for run in (billing.upgrade, lambda: billing.apply("D001")):
            with pytest.raises(OtherProjectError) as caught:
                run()

        assert "D001 is 'the work of D001', and here it is 'bill everybody'" in str(caught.value)
        assert "version_table = delembic_version_2" in caught.value.remedy
        assert shop.value("SELECT count(*) FROM t") == 1

    def test_a_project_whose_files_were_edited_is_no_other_project(
        self, projects: tuple[ProjectFolder, ProjectFolder]
    ) -> None:
        shop, _ = projects
        shop.migration("D002", depends_on=("D001",))
        shop.upgrade()
        for revision in ("D001", "D002"):
            path = shop.versions / f"{revision}.py"
            path.write_text(path.read_text() + "# edited\n")

        assert shop.upgrade() == ()

    def test_the_audit_log_may_be_in_another_database(
        self, projects: tuple[ProjectFolder, ProjectFolder], tmp_path: Path
    ) -> None:
        shop, billing = projects
        log = f"sqlite:///{tmp_path / 'audit.sqlite'}"
        shop.configure(metadata_url=log)
        billing.configure(metadata_url=log, version_table="billing", history_table="log")
        shop.upgrade()
        billing.upgrade()

        audit = ProjectFolder(tmp_path / "audit", log)
        assert {"delembic_run_history", "log"} <= _tables(audit)
        assert {"delembic_database", "billing_database"} <= _tables(shop)
        assert shop.states() == billing.states() == {"D001": "applied"}

    @pytest.mark.parametrize(
        "settings",
        [
            {"version_table": "a" * 41},
            {"history_table": "a" * 60},
            {"version_table": "a", "history_table": "a"},
        ],
        ids=["long", "long log", "the same"],
    )
    def test_a_name_that_cannot_be_used_is_refused(
        self, projects: tuple[ProjectFolder, ProjectFolder], settings: dict[str, str]
    ) -> None:
        shop, _ = projects
        shop.configure(**settings)

        with pytest.raises(SettingError):
            shop.upgrade()


class TestTenants:
    @pytest.mark.parametrize("first", ["public", "tenant"])
    def test_the_order_of_runs_does_not_decide(
        self, postgresql_url: str, tmp_path: Path, first: str
    ) -> None:
        public = _tenant(tmp_path, postgresql_url, "public")
        public.execute("CREATE SCHEMA t1")
        tenant = _tenant(tmp_path, postgresql_url, "t1")
        order = [public, tenant] if first == "public" else [tenant, public]

        for project in (*order, *order):
            project.upgrade()

        assert "made" in _tables(public, "public")
        assert "made" in _tables(public, "t1")
        for schema in ("public", "t1"):
            assert public.value(f"SELECT count(*) FROM {schema}.delembic_run_history") == 1

    def test_nothing_of_another_schema_counts_as_applied(
        self, postgresql_url: str, tmp_path: Path
    ) -> None:
        public = _tenant(tmp_path, postgresql_url, "public")
        public.execute("CREATE SCHEMA t1")
        public.upgrade()

        assert _tenant(tmp_path, postgresql_url, "t1").states() == {"D001": "pending"}


class TestSchema:
    @pytest.fixture
    def project(self, backend: Backend, tmp_path: Path) -> ProjectFolder:
        if backend.name == "sqlite":
            pytest.skip("SQLite has no schemas")
        project = ProjectFolder(tmp_path / "project", backend.url)
        project.execute("CREATE TABLE t (x INTEGER)")
        project.migration("D001", INSERT)
        return project

    @pytest.fixture
    def schema(self, project: ProjectFolder) -> str:
        name = f"{make_url(project.url).database}_kept"
        project.execute(f"CREATE SCHEMA {name}")
        return name

    def test_a_setting_names_it(self, project: ProjectFolder, schema: str) -> None:
        project.configure(version_table_schema=schema)
        try:
            project.upgrade()
            project.upgrade()

            assert {"delembic_version", "delembic_run_history"} <= _tables(project, schema)
            assert not any(name.startswith("delembic") for name in _tables(project))
            assert project.value("SELECT count(*) FROM t") == 1
            assert project.states() == {"D001": "applied"}
        finally:
            _drop(project, schema)

    def test_one_that_is_not_there_is_named(self, project: ProjectFolder) -> None:
        project.configure(version_table_schema="nowhere")

        with pytest.raises(DelembicError, match="nowhere"):
            project.upgrade()

    def test_an_engine_that_translates_schemas_finds_what_it_has_made(
        self, project: ProjectFolder, schema: str
    ) -> None:
        url, project.url = project.url, ""
        project.configure()
        project.write(
            "delembic/env.py",
            f"""
            from sqlalchemy import NullPool, create_engine
            def get_engine():
                engine = create_engine({url!r}, poolclass=NullPool)
                return engine.execution_options(schema_translate_map={{None: {schema!r}}})
            """,
        )
        try:
            project.upgrade()
            project.upgrade()
            states = project.states()

            project.url = url
            assert states == {"D001": "applied"}
            assert {"delembic_version", "delembic_run_history"} <= _tables(project, schema)
            assert project.value("SELECT count(*) FROM t") == 1
        finally:
            project.url = url
            _drop(project, schema)


def _drop(project: ProjectFolder, schema: str) -> None:
    cascade = " CASCADE" if project.url.startswith("postgresql") else ""
    project.execute(f"DROP SCHEMA {schema}{cascade}")


def test_without_any_schema_in_the_path_the_error_says_so(
    postgresql_url: str, tmp_path: Path
) -> None:
    project = _tenant(tmp_path, postgresql_url, "nowhere")
    project.execute("DROP SCHEMA public CASCADE")

    with pytest.raises(DelembicError, match="no schema has been selected to create in"):
        project.upgrade()


def test_other_names_lead_where_they_led_before(postgresql_url: str) -> None:
    engine = create_engine(postgresql_url, poolclass=NullPool)
    with engine.connect() as conn:
        conn.exec_driver_sql("CREATE SCHEMA ops")
        conn.exec_driver_sql("CREATE TABLE theirs (x INTEGER)")
        led = lead_home(conn.execution_options(schema_translate_map={None: "ops"}))

        with as_before(led):
            assert led.execute(select(text("count(*)")).select_from(table("theirs"))).scalar() == 0
        assert home_of(led) == "ops"
