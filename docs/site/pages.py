"""Pages of the documentation site that are made when it is built: from the code, and from files beside docs/.

mkdocs calls `on_files` and `on_page_markdown`; mkdocs.yml says where each page stands.
"""

from __future__ import annotations

import importlib
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from dsx.results.columns import COLUMNS

PACKAGES = ("dsx", "dsx.analysis", "dsx.plots")
DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, then show what mkdocs.yml does not name at the end of the guides."""
    made = {f"reference/{package}.md": reference(package) for package in PACKAGES}
    made["reference/commands.md"] = commands()
    made["reference/columns.md"] = columns()
    made |= {f"{name.lower()}.md": beside_docs(f"{name}.md") for name in ("CONTRIBUTING", "CHANGELOG")}
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    named = set(pages_of(config.nav))
    guides = next(section["Guides"] for section in config.nav if isinstance(section, dict) and "Guides" in section)
    guides += sorted(file.src_uri for file in files.documentation_pages() if file.src_uri not in named)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take along the files beside docs/ that a page links to, as text: a site read from disk has no repository."""

    def taken_along(link: re.Match[str]) -> str:
        target = (DOCS / page.file.src_uri).parent.joinpath(link[1]).resolve()
        if not target.is_file() or target.is_relative_to(DOCS) or not target.is_relative_to(ROOT):
            return link[0]
        place = f"repository/{target.relative_to(ROOT).as_posix()}.txt"
        if files.get_file_from_path(place) is None:
            files.append(File.generated(config, place, abs_src_path=str(target)))
        return f"]({posixpath.relpath(place, posixpath.dirname(page.file.src_uri))}"

    return re.sub(r"\]\((\.\./[^)#\s]+)", taken_along, markdown)


def columns() -> str:
    """Every column that a results table, or a table of curves, may have."""
    rows = [
        f"| `{column.name}` | {column.role} | {column.label} | {column.unit} | {column.better} |" for column in COLUMNS
    ]
    head = "# Columns of tables\n\nA column that is not listed is a parameter of the space, or an outcome by its name."
    return "\n".join([head, "", "| column | role | on an axis | unit | better |", "|---|---|---|---|---|", *rows, ""])


def reference(package: str) -> str:
    """Every public name of a package, from its docstring."""
    module = importlib.import_module(package)
    lines = [f"# {package}", "", (module.__doc__ or "").strip(), ""]
    for name in sorted(module.__all__, key=str.casefold):
        value = getattr(module, name)
        if isinstance(value, (str, ModuleType)):
            continue  # the version, and the packages, which have pages of their own
        # a function may be called as the module that it is in, as dsx.analysis.edf.edf is
        place = f"dsx.{name}" if package == "dsx" else f"{value.__module__}.{value.__qualname__}"
        # fields stand in a dataclass's signature; classes that read YAML have none
        fields = "true" if hasattr(value, "model_fields") else "false"
        lines += [f"::: {place}", f"    options: {{heading_level: 2, show_if_no_docstring: {fields}}}", ""]
    return "\n".join(lines)


def commands() -> str:
    """The help of every command."""
    from dsx.cli import app

    group = typer.main.get_command(app)
    lines = ["# Commands", "", group.help or "", ""]
    for name, command in named_commands(group):
        # as wide as the page's column
        with click.Context(command, info_name=name, terminal_width=78) as context:
            lines += [f"## {name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def named_commands(group: Any, before: str = "dsx") -> Iterator[tuple[str, Any]]:
    """Every command by what is typed, `dsx data prepare` for one of a group; the groups themselves are left out."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from named_commands(command, f"{before} {name}")
        else:
            yield f"{before} {name}", command


def beside_docs(name: str) -> str:
    """A page that stands at the top of the repository, with its links as seen from docs/."""
    return (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")


def pages_of(nav: Any) -> list[str]:
    """All pages that a navigation names."""
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in pages_of(part)]
