"""A table of ten thousand runs expands, is checked and planned in little memory."""

import re
import subprocess
import sys

from nets.catalogues import ROOT

LIMIT = 2**20  # KiB
PLAN = """
import sys
from nets.jobs.plan import main
main(["--table", sys.argv[1]])
print(open("/proc/self/status").read())
"""


def test_ten_thousand_runs(tmp_path):
    rows = ["model\tdataset\tvariant\trecipe\tseeds\toverrides"]
    rows += [f"lenet5\tmnist5k\tlr{i}\tlenet5\t0-4\toptimizer.lr={0.001 + i * 1e-5:.5f}" for i in range(2000)]
    (tmp_path / "big.tsv").write_text("\n".join(rows))
    command = [sys.executable, "-c", PLAN, str(tmp_path / "big.tsv")]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert "10000 runs: 10000 classification" in said
    assert int(re.search(r"VmHWM:\s+(\d+) kB", said)[1]) < LIMIT
