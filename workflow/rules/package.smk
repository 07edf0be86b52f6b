# Finds the package `nets` for the rules and for the commands of their jobs.
import shlex
import tempfile

from snakemake.settings.types import DeploymentMethod


def check_out(source):
    """Clone the revision that a module names, as in github("owner/nets", ...), into .snakemake/nets/."""
    repository = source.hosted_repo.repo
    folder = Path(".snakemake/nets", repository.commit(source.ref).hexsha).absolute()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.mkdtemp(dir=folder.parent)
        repository.clone(temporary, no_checkout=True).git.checkout(folder.name)
        Path(temporary).rename(folder)
    return folder


# If another workflow uses this one as a module, workflow.basedir belongs to that workflow.
here = workflow.current_basedir
local_rules = isinstance(here, os.PathLike)
PROJECT = Path(here).parents[1] if local_rules else check_out(here)
# PYTHONPATH separates folders by colons, and Snakemake takes braces in a path for wildcards.
if re.search(f"[{os.pathsep}{{}}]", str(PROJECT)):
    sys.exit(
        f"{PROJECT}: nets can't run from a path with {os.pathsep} or {{ }}; move the checkout."
    )
sys.path.insert(0, str(PROJECT))
from nets.jobs import found_last
from nets.machine import server
from nets.machine.environment import module_path

found_last()
# Jobs run in the Python that runs Snakemake, on a cluster's nodes too; in a Conda environment, in the one of that.
CONDA = DeploymentMethod.CONDA in workflow.deployment_settings.deployment_method
PYTHON = "python" if CONDA else shlex.quote(sys.executable)
# Snakemake removes PYTHONPATH when it activates a Conda environment, so each command sets it. `nets train` is a job.
# Where a server runs, its client takes the job's place.
prefix = (
    f"set -euo pipefail; export PYTHONPATH={shlex.quote(module_path())}; "
    f'nets() {{ set -- {PYTHON} -P -m "nets.jobs.$@"; '
    f'[ ! -S "${{NETS_SERVER-}}" ] || set -- {PYTHON} -I -S {shlex.quote(server.CLIENT)} "$@"; exec "$@"; }}; '
)
shell.prefix(prefix.replace("{", "{{").replace("}", "}}"))


def start_server():
    """Start the server for the jobs of this machine, which all start alike."""
    alike = not (CONDA or workflow.touch) and workflow.resource_settings.nodes is None
    if alike and workflow.is_main_process and workflow.local_exec:
        server.start(config.get("threads", 1))


submits = workflow.resource_settings.nodes is not None and not workflow.remote_exec
if submits and re.search(r"[^\w@%+=:,./-]", sys.executable):
    sys.exit(
        f"{sys.executable}: Snakemake names this program to a cluster without quotes; move the environment to a path "
        "of letters, digits and . _ - only."
    )
# Nor do the Pythons that Snakemake starts look into the working folder. A module leaves that to its workflow.
if workflow.modifier.is_main_snakefile():
    os.environ.update(PYTHONSAFEPATH="1")
