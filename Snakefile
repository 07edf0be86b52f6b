# Snakemake looks here first. The workflow is in workflow/Snakefile, where catalogues and other workflows look for it.
include: "workflow/Snakefile"


# By itself, the default target of an included file does not count.
workflow.default_target = "all"
