# Finds the package `nets` for the rules and for the commands of their jobs.
import shlex
import tempfile


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
sys.path.insert(0, str(PROJECT))
from nets.jobs import found_last

found_last()
# An empty part of PYTHONPATH would mean the working folder.
own = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
# Snakemake removes PYTHONPATH when it activates a Conda environment, so each command sets it.
path = shlex.quote(os.pathsep.join([str(PROJECT), *own]))
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={path.replace('{', '{{').replace('}', '}}')}; "
)
# Nor do the Pythons that Snakemake starts look into the working folder. A module leaves that to its workflow.
if workflow.modifier.is_main_snakefile():
    os.environ.update(PYTHONSAFEPATH="1")
