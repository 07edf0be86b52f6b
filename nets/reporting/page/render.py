"""The templates of the page, and their filters."""

from functools import cache
from pathlib import Path

import jinja2

from nets.reporting import glossary

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> jinja2.Environment:
    """The environment of the templates: an undefined name is an error, and all text is escaped."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"duration": glossary.duration, "status": glossary.status}
    templates.globals["include_raw"] = lambda name: (TEMPLATES / name).read_text(encoding="utf-8")
    return templates


def template(name: str) -> jinja2.Template:
    """A template by its file name."""
    return environment().get_template(name)
