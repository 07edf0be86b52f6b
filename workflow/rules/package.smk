# Where the package `nets` is, for the rules and for the commands of their jobs.
import shlex
import tempfile


def check_out(source):
    """The project at the revision that a module names, as in github("owner/nets", ...): a clone in .snakemake/."""
    repository = source.hosted_repo.repo
    folder = Path(".snakemake/nets", repository.commit(source.ref).hexsha).absolute()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.mkdtemp(dir=folder.parent)
        repository.clone(temporary, no_checkout=True).git.checkout(folder.name)
        Path(temporary).rename(folder)
    return folder


# Where another workflow uses this one as a module, workflow.basedir is that workflow's.
here = workflow.current_basedir
local_rules = isinstance(here, os.PathLike)
PROJECT = Path(here).parents[1] if local_rules else check_out(here)
sys.path[:0] = [str(PROJECT), str(Path.cwd())]
# Snakemake removes PYTHONPATH where it activates a Conda environment, so each command sets it.
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(PROJECT))}${{{{PYTHONPATH:+:$PYTHONPATH}}}}; "
)
