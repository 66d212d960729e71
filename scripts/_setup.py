"""Put in place what running (``run``), checking (``dev``), testing (``test``) or testing with the suites of others
(``suites``) needs; does nothing when it is there.

Python environment in .venv, requirements when their files changed, browser assets and print fonts in var/, and for
``test`` the system programs of the browser, PostGIS and PDF tests where apt is at hand. The suites have an environment
of their own in var/suites.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = ROOT / "var" / "setup.lock"

REQUIREMENTS = {
    "run": ("requirements.txt", "constraints.txt"),
    "dev": ("requirements-dev.txt", "requirements.txt", "requirements-scale.txt", "constraints.txt"),
}
"""What to install first, then the files it depends on."""
STAMPS = {name: ENVIRONMENT / f"requirements-{name}.sha256" for name in REQUIREMENTS}
"""The hash of what was installed last."""


COMMAND = """#!{python}
import sys

sys.path.insert(0, {root!r})
from geo_service.cli import main

main()
"""


class SetupFailed(Exception):
    """What went wrong and what to do, in both languages."""


class Program(NamedTuple):
    """A Debian package of the tests and how to see that it is there."""

    package: str
    present: Callable[[], bool]


def has_any(*commands: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(c) for c in commands)


def has_file(*patterns: str) -> Callable[[], bool]:
    return lambda: all(any(Path("/").glob(p)) for p in patterns)


PROGRAMS = (
    Program(
        "chromium-headless-shell",
        has_any("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
    ),
    Program("fonts-noto-cjk", has_file("usr/share/fonts/**/NotoSansCJK-Regular.ttc")),
    Program("poppler-utils", has_any("pdftotext")),
    Program("zbar-tools", has_any("zbarimg")),
    Program("gdal-bin", has_any("ogr2ogr")),
    Program("nginx-light", has_any("nginx", "/usr/sbin/nginx")),
    Program("wrk", has_any("wrk")),
    Program("iproute2", has_any("ip", "/usr/sbin/ip")),
    Program(
        "postgresql-postgis",
        has_file("usr/lib/postgresql/*/bin/initdb", "usr/share/postgresql/*/extension/postgis.control"),
    ),
)


def main() -> int:
    purpose = sys.argv[1] if len(sys.argv) == 2 else ""
    if purpose not in ("run", "dev", "test", "suites"):
        print("usage: scripts/_setup run|dev|test|suites", file=sys.stderr)
        return 2
    try:
        with one_at_a_time():
            put_in_place(purpose)
    except SetupFailed as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("\n已中断；再次运行会接着完成。 / Interrupted; run it again to go on.", file=sys.stderr)
        return 130
    return 0


def put_in_place(purpose: str) -> None:
    level = "run" if purpose == "run" else "dev"
    ensure_environment()
    ensure_requirements(level)
    ensure_command()
    ensure_compiled()
    ensure_assets(dev=level == "dev")
    if purpose in ("test", "suites"):
        ensure_programs()
    if purpose == "suites":
        ensure_suites()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two set-ups of one tree wait for each other."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        if os.name != "nt":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ensure_environment() -> None:
    if PYTHON.exists() and (any(map(read, STAMPS.values())) or can(PYTHON, "import pip")):
        return
    say("建立 Python 环境 .venv", "creating the Python environment .venv")
    python = Path(getattr(sys, "_base_executable", sys.executable))
    if not can(python, "import ensurepip") and not apt_install(["python3-venv"]):
        raise SetupFailed(
            "此 Python 缺少 venv 组件。Debian / Ubuntu 请运行：sudo apt-get install python3-venv，然后重试。\n"
            "This Python lacks its venv part. On Debian or Ubuntu: sudo apt-get install python3-venv, then try again."
        )
    command = [str(python), "-m", "venv", "--clear", str(ENVIRONMENT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupFailed(
            f"无法建立 {ENVIRONMENT.name} / could not be created:\n{done.stdout.strip()}\n{done.stderr.strip()}"
        )


def can(python: Path, statement: str) -> bool:
    """Whether a Python carries out a statement."""
    return subprocess.run([python, "-c", statement], capture_output=True, check=False).returncode == 0


def ensure_requirements(level: str) -> None:
    """Install what requirements ask for, when their text is not the one that was installed last."""
    wanted = {name: requirements_hash(name) for name in REQUIREMENTS}
    if any(read(STAMPS[name]) == wanted[name] for name in (level, "dev")):
        return
    first, *_ = REQUIREMENTS[level]
    say(f"安装 Python 依赖（{first}）", f"installing Python packages ({first})")
    install([*pip(), "install", "-r", str(ROOT / first), "-c", str(ROOT / "constraints.txt")])
    for name in {level, "run"}:
        STAMPS[name].write_text(wanted[name], "utf-8")
    if level == "run":
        STAMPS["dev"].unlink(missing_ok=True)


def ensure_command() -> None:
    """Write .venv/bin/geo_service, the command line from anywhere."""
    target = PYTHON.with_name("geo_service.py" if os.name == "nt" else "geo_service")
    text = COMMAND.format(python=PYTHON, root=str(ROOT))
    if read(target) != text:
        target.write_text(text, "utf-8")
        target.chmod(0o755)


def ensure_compiled() -> None:
    """Compile the package: a service may not be allowed to write here, and each process it starts would do it anew.

    Where nothing can be written, it works without.
    """
    command = [str(PYTHON), "-m", "compileall", "-q", "geo_service"]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=False)


def pip() -> list[str]:
    return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input"]


def requirements_hash(level: str) -> str:
    texts = [sys.implementation.cache_tag or "", *((ROOT / name).read_text("utf-8") for name in REQUIREMENTS[level])]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def install(command: list[str]) -> None:
    """Run pip, showing how far it is on one line of a terminal."""
    started, lines = time.monotonic(), list[str]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        for line in running.stdout or ():
            lines.append(line.rstrip())
            show(f"  {sum(part.startswith('Collecting ') for part in lines)} 个软件包 / packages  {line.strip()[:60]}")
    show("")
    if running.returncode:
        raise SetupFailed(
            "安装 Python 依赖失败。请检查到 PyPI 软件源的网络，或使用内网镜像 / 本地 wheel 目录"
            "（PIP_INDEX_URL，或 PIP_NO_INDEX=1 加 PIP_FIND_LINKS=目录；见 README.zh-CN.md“离线安装”）。\n"
            "Python packages could not be installed. Check the way to the package index, or use a mirror or a folder "
            "of wheels (PIP_INDEX_URL, or PIP_NO_INDEX=1 with PIP_FIND_LINKS=FOLDER; see “Offline” in README.md).\n\n"
            + "\n".join(lines[-12:])
        )
    print(f"  {time.monotonic() - started:.0f} s", flush=True)


def ensure_assets(*, dev: bool) -> None:
    """Run scripts/assets where the manifests do not fit the lock or a file is gone (`doctor` compares every hash)."""
    folders = [ROOT / "var" / "assets", *([ROOT / "var" / "dev-tools"] if dev else [])]
    lock = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()
    if all(is_complete(folder, lock) for folder in folders):
        return
    command = [str(PYTHON), str(ROOT / "scripts" / "assets"), *(["--dev"] if dev else [])]
    if subprocess.run(command, check=False).returncode:
        raise SetupFailed("浏览器组件未就绪（见上）。 / The browser libraries are not in place (see above).")


def is_complete(folder: Path, lock: str) -> bool:
    try:
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return manifest.get("lock") == lock and all((folder / path).is_file() for path in manifest["files"])


def ensure_programs() -> None:
    """Install the system programs of the tests where that is possible; else name the tests that will not run."""
    missing = [program.package for program in PROGRAMS if not program.present()]
    if not missing:
        return
    names = " ".join(missing)
    if apt_install(missing):
        return
    print(f"缺少 {names}：相关测试将跳过（CI=true 时失败）。可运行：sudo apt-get install {names}")
    print(f"{names} missing: their tests are skipped (and fail under CI=true). Run: sudo apt-get install {names}")


def ensure_suites() -> None:
    """Put the suites of others into var/suites, when their list is not the one that was installed last."""
    folder, wanted = ROOT / "var" / "suites", ROOT / "requirements-suites.txt"
    stamp = folder / "installed.txt"
    if read(stamp) == wanted.read_text("utf-8"):
        return
    say("安装一致性测试套件（requirements-suites.txt）", "installing the suites of others (requirements-suites.txt)")
    subprocess.run([str(PYTHON), "-m", "venv", "--clear", str(folder)], check=True)
    python = folder / PYTHON.relative_to(ENVIRONMENT)
    install([str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "-r", str(wanted)])
    stamp.write_text(wanted.read_text("utf-8"), "utf-8")


def apt_install(packages: list[str]) -> bool:
    """Whether apt could install the packages; it is tried only by root."""
    apt = shutil.which("apt-get")
    if not apt or os.name == "nt" or os.geteuid() != 0:
        return False
    say(f"apt-get install {' '.join(packages)}", "system packages of the tests")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run([apt, "-qq", *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr.strip()[-1000:], file=sys.stderr)
            return False
    return True


def say(zh: str, en: str) -> None:
    print(f"▸ {zh} / {en} …", flush=True)


def show(text: str) -> None:
    if sys.stdout.isatty():
        print(f"\r\033[K{text}", end="", flush=True)


def read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


if __name__ == "__main__":
    sys.exit(main())
