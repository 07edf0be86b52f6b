"""The page docs/recipes.md, made from the schema of recipes."""

import json
from typing import Any

HEAD = """# The keys of recipes

A recipe in `config/recipes.yaml` says how a network is trained. A row of a table may override any key below except
`task`, `source`, `changed` and `initialisation`, as in `optimizer.lr=0.01 epochs=5`. Keys that are not listed are
errors. `make docs` writes this page from the schema, `nets.suite.catalogues.schema("recipes")`.
"""
BOUNDS = {"minimum": "≥ {}", "exclusiveMinimum": "> {}", "maximum": "≤ {}", "exclusiveMaximum": "< {}"}


def recipes_page(rules: dict[str, Any]) -> str:
    """The page in Markdown: one table for a recipe, its nested keys, and the options of each task."""
    kinds = rules["$defs"]
    recipe = kinds["recipe"]
    nested = {key: rule for key, rule in recipe["properties"].items() if rule.get("properties")}
    sections = {"Every recipe": recipe, "`optimizer`": kinds["optimizer"]}
    sections |= {f"`{key}`": rule for key, rule in nested.items()}
    sections |= {f"`options` of {task}": kinds[task] for task in recipe["properties"]["task"]["enum"]}
    return HEAD + "".join(f"\n## {title}\n\n{section(rule)}" for title, rule in sections.items())


def section(rules: dict[str, Any]) -> str:
    """The description and the keys of one object of the schema."""
    intro = [rules["description"], ""] if rules.get("description") else []
    if not rules["properties"]:
        return "\n".join([*intro, "None.", ""])
    rows = [row(key, rule, rules.get("required", ())) for key, rule in rules["properties"].items()]
    return "\n".join([*intro, "| key | value | default | meaning |", "|---|---|---|---|", *rows, ""])


def row(key: str, rule: dict[str, Any], required: list[str]) -> str:
    """One key as a row of a table."""
    default = f"`{json.dumps(rule['default'])}`" if "default" in rule else "required" if key in required else ""
    cells = (f"`{key}`", values(rule), default, rule.get("description", "").replace("<", "&lt;"))
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def values(rule: dict[str, Any]) -> str:
    """The allowed values of a key, in words: 'integer, ≥ 1', '`sgd`, `adam`'."""
    if "enum" in rule:
        return ", ".join(f"`{value if isinstance(value, str) else json.dumps(value)}`" for value in rule["enum"])
    kinds = rule.get("type", "object")
    word = kinds if isinstance(kinds, str) else " or ".join(kinds)
    if kinds == "array":
        length = f"{rule['minItems']} " if rule.get("minItems") else ""
        word, rule = f"list of {length}{rule['items']['type']}s", rule["items"]
    return ", ".join([word, *(text.format(rule[bound]) for bound, text in BOUNDS.items() if bound in rule)])
