"""A private PostGIS cluster for one test run: unix socket only, no fsync, thrown away at the end."""

from __future__ import annotations

import getpass
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from geo_service.storage.tables import metadata

OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "listen_addresses": "",
    "autovacuum": "off",
}
"""The tests ask what survives a crash of processes, not of the machine: without fsync a commit is as safe for that."""
TEMPLATE = "geo_service_template"


class Cluster:
    """A running cluster; :meth:`new_database` gives the URL of an empty database with PostGIS."""

    def __init__(self) -> None:
        self._programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self._folder = Path(tempfile.mkdtemp(prefix="gs-pg-", dir=_quick_folder()))
        self._as_root = os.geteuid() == 0
        self._user = "postgres" if self._as_root else getpass.getuser()
        if self._as_root:
            shutil.chown(self._folder, "postgres")
        self._numbers = itertools.count(1)
        self._free: list[str] = []
        self._run("initdb", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust")
        with (self._folder / "data" / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in OPTIONS.items())
            file.write(f"unix_socket_directories = '{self._folder}'\n")
        self.start()
        self._execute("CREATE DATABASE {}", TEMPLATE)
        with psycopg.connect(self._address(TEMPLATE), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")

    @contextmanager
    def lent_database(self) -> Iterator[str]:
        """The URL of an empty database that is lent again afterwards (a new one takes eight times longer)."""
        url = self._free.pop() if self._free else self.new_database()
        yield url
        with psycopg.connect(self._address(_name(url)), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            names = sql.SQL(", ").join(map(sql.Identifier, metadata.tables))
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(names))
        self._free.append(url)

    def new_database(self, *, template: str = TEMPLATE, encoding: str = "") -> str:
        """The URL of a new database."""
        name = f"test_{next(self._numbers)}"
        more = f" ENCODING '{encoding}' LOCALE 'C'" if encoding else ""
        self._execute("CREATE DATABASE {} TEMPLATE {}" + more, name, template)
        return self.url(name)

    def new_user(self, name: str, database_url: str) -> str:
        """The URL of the same database for a new user without rights to create extensions."""
        self._execute("CREATE ROLE {} LOGIN", name)
        self._execute("ALTER DATABASE {} OWNER TO {}", _name(database_url), name)
        return database_url.replace(f"{self._user}@", f"{name}@")

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql://{self._user}@/{database}?host={self._folder}"

    @property
    def folder(self) -> Path:
        """Where the data and the socket are."""
        return self._folder

    @property
    def process(self) -> int:
        """The number of the server's first process."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._run("pg_ctl", "start", "-w", "-l", str(self._folder / "log"))

    def crash(self) -> None:
        """Stop the server without letting it finish anything."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-w")

    def remove(self) -> None:
        """Stop the server and remove its files."""
        self.crash()
        shutil.rmtree(self._folder)

    def _address(self, database: str) -> str:
        return f"host={self._folder} user={self._user} dbname={database}"

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]  # ours

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self._folder / "data"), *arguments]
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if self._as_root else []
        log = self._folder.with_suffix(".out")
        with log.open("w") as output:
            done = subprocess.run([*prefix, *command], stdout=output, stderr=output, cwd="/", check=False)
        text = log.read_text()
        log.unlink()
        if done.returncode:
            raise RuntimeError(f"{program}: {text}")


def _name(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def _quick_folder() -> str | None:
    """Memory where there is enough of it, else wherever temporary files go."""
    memory = Path("/dev/shm")  # noqa: S108  # a fresh folder is made in it
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 1 << 30 else None


EITHER = ["sqlite", pytest.param("postgis", marks=pytest.mark.postgis)]
EITHER_SLOWLY = ["sqlite", pytest.param("postgis", marks=(pytest.mark.postgis, pytest.mark.slow))]
"""Parameters of fixtures that lend a database of each kind; PostGIS always, or only where everything runs."""


@contextmanager
def lent_database(request: pytest.FixtureRequest, embedded: str = "") -> Iterator[str]:
    """The address of an empty PostGIS database, or ``embedded`` (empty text is a file in the home)."""
    if request.param == "sqlite":
        yield embedded
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.lent_database() as url:
        yield url
