"""The places at which a process may be let die: all of them are in the code, and none does anything unless asked."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from portal.demo.environment import ROOT
from syncs.failpoints import POINTS

PASS = "from syncs.failpoints import failpoint\nfor _ in range(3): failpoint('send.before')\nprint('alive')"


def passing(failpoint: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "FAILPOINT": failpoint}
    return subprocess.run([sys.executable, "-c", PASS], cwd=ROOT, env=environ, capture_output=True, text=True)


def test_each_name_stands_once_in_the_code_and_no_other_does() -> None:
    code = [p.read_text() for package in ("portal", "syncs") for p in (ROOT / package).rglob("*.py")]
    assert sorted(re.findall(r"failpoint\(\"([a-z.]+)\"\)", "".join(code))) == sorted(POINTS)


@pytest.mark.parametrize("failpoint", ["", "send.before:4", "settle.after:1"])
def test_who_is_not_meant_goes_on(failpoint: str) -> None:
    assert passing(failpoint).stdout == "alive\n"


def test_it_dies_at_the_time_asked_for() -> None:
    died = passing("send.before:3")
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, "")


def test_of_what_a_file_asks_for_one_alone_dies(tmp_path: Path) -> None:
    armed = tmp_path / "armed"
    armed.write_text("send.before:2")
    assert passing(f"@{armed}").returncode == -signal.SIGKILL
    assert not armed.exists()
    assert passing(f"@{armed}").stdout == "alive\n"
