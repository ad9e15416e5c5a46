"""Where is a Chromium? `python -m tests.servers.chromium [--install]` prints its path or says how to get one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = "No Chromium found. Install one (Debian: apt-get install chromium) or set CHROMIUM to its path."


def find_chromium() -> str | None:
    """The path of `CHROMIUM` or of the first browser of the family on the PATH; None if there is none."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    return next((path for path in map(shutil.which, NAMES) if path), None)


def install_chromium() -> None:
    """Ask apt-get for Debian's Chromium where that is possible without asking a person: as root."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    commands = (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"])
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        if subprocess.run(command, stdout=sys.stderr, env=quietly).returncode:
            return


def main(arguments: list[str]) -> int:
    """Print the path; 1 if there is none."""
    if find_chromium() is None and "--install" in arguments:
        install_chromium()
    path = find_chromium()
    print(path or ADVICE, file=sys.stdout if path else sys.stderr)
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
