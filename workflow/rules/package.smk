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
sys.path[:0] = [str(PROJECT), str(Path.cwd())]
# Snakemake removes PYTHONPATH when it activates a Conda environment, so each command sets it.
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(PROJECT))}${{{{PYTHONPATH:+:$PYTHONPATH}}}}; "
)
