"""A table of ten thousand runs expands, is checked and planned in little memory."""

import os
import subprocess
import sys

from nets.catalogues import ROOT

LIMIT = 2**30  # bytes


def test_ten_thousand_runs(tmp_path):
    rows = ["model\tdataset\tvariant\trecipe\tseeds\toverrides"]
    rows += [f"lenet5\tmnist5k\tlr{i}\tlenet5\t0-4\toptimizer.lr={0.001 + i * 1e-5:.5f}" for i in range(2000)]
    (tmp_path / "big.tsv").write_text("\n".join(rows))
    command = [sys.executable, "-m", "nets.jobs.plan", "--table", str(tmp_path / "big.tsv")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    said = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    assert status == 0
    assert said.splitlines()[-1] == "10000 runs: 10000 classification"
    assert usage.ru_maxrss * 1024 < LIMIT
