"""Put a run, or all runs of a suite, into one file: descriptions, metrics, figures, weights, packages, with hashes.

python -m nets.jobs.bundle --results results/quick --run lenet5-mnist5k-s0
"""

import argparse
import sys
from pathlib import Path

from nets.jobs.common import run_job
from nets.record.bundle import bundle, with_results
from nets.suite.typed import typed


def main(argv: list[str] | None = None) -> int:
    """Parse the command line and bundle."""
    parser = argparse.ArgumentParser(prog="python -m nets.jobs.bundle", description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, required=True, help="folder of the suite's results")
    parser.add_argument("--run", metavar="NAME", help="a run of it (default: all, with tables, figures and the report)")
    parser.add_argument("--output", type=Path, help="the file (default: <run or suite>.tar.gz in the suite's bundles/)")
    args = parser.parse_args(argv)
    return run_job(lambda: pack(args.results, args.run, args.output), folder=args.results)


def pack(results: Path, run: str | None, output: Path | None) -> None:
    """Write the bundle, and say what is in it."""
    runs, holes = ([run], []) if run else with_results(results)
    output = output or results / "bundles" / f"{run or results.name}.tar.gz"
    manifest = bundle(results, runs, output, whole=run is None)
    beside = f", and {len(manifest['beside'])} that they need" if manifest["beside"] else ""
    for hole in holes:
        print(f"  left out: {hole}, which has no result (make run RETRY=1 {typed(results)} tries it again)")
    count = f"{len(runs)} run{'s' if len(runs) != 1 else ''}{beside}"
    print(f"{output}: {count}, {len(manifest['files'])} files, {output.stat().st_size / 1e6:.1f} MB")
    print(f"make verify BUNDLE={output} measures its weights again, on any machine.")


if __name__ == "__main__":
    sys.exit(main())
