"""The documentation says what is so: commands and lines run, links lead somewhere, tables agree with the code."""

from __future__ import annotations

import configparser
import doctest
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import cast
from urllib.parse import unquote, urldefrag

import click
import pytest
import typer

import dsx
from dsx.base import resources
from dsx.cli import app
from dsx.exhibits.exhibit import exhibits
from dsx.study.paths import StudyPaths
from dsx.study.study import open_study
from dsx.training.result import Result

from command_line import Command

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FILES = (DOCS / "reference" / "files.md").read_text(encoding="utf-8")
# what a page loads by itself, and what it leads to when clicked
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
FOLLOWED = {("a", "href")}


class Page(HTMLParser):
    """What an HTML page loads, where it leads, and the names of its places."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.places: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if (tag, name) in LOADED:
                self.loads.append(value or "")
            elif (tag, name) in FOLLOWED:
                self.leads.append(value or "")
            elif name == "id":
                self.places.add(value or "")


def copied(folder: Path) -> Path:
    """What the site is made of, to be changed."""
    for name in ("docs", "dsx", "spaces", "experiments", "analysis", "mkdocs.yml", "CONTRIBUTING.md", "CHANGELOG.md"):
        if (ROOT / name).is_dir() and name != "dsx":
            shutil.copytree(ROOT / name, folder / name)
        else:
            (folder / name).symlink_to(ROOT / name)
    return folder


def built(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as built, with a page that mkdocs.yml does not name."""
    folder = copied(tmp_path_factory.mktemp("site"))
    (folder / "docs" / "newcomer.md").write_text("# A page of a newcomer\n\n[beside docs](../spaces/AnyNetXA.yaml)\n")
    done = built(folder)
    assert done.returncode == 0, done.stderr
    return folder / "build" / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {file: Page(file) for file in site.rglob("*.html") if file.name != "404.html"}


@pytest.mark.slow
def test_the_site_loads_nothing_from_the_network(site: Path, pages: dict[Path, Page]) -> None:
    assert len(pages) > 12
    for file, page in pages.items():
        assert page.loads
        assert [address for address in page.loads if re.match(r"\w+:|//", address) and "data:" not in address] == []
        assert [address for address in page.loads if not (file.parent / unquote(urldefrag(address).url)).exists()] == []
    for file in site.rglob("*.css"):
        assert re.findall(r"(?:@import|url\()\s*['\"]?(?:https?:)?//", file.read_text(encoding="utf-8")) == []


@pytest.mark.slow
def test_every_link_of_the_site_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    for file, page in pages.items():
        for link in page.leads:
            if re.match(r"(https?|mailto):", link):
                continue
            address, place = urldefrag(link)
            target = (file.parent / unquote(address)).resolve() if address else file
            assert target.is_relative_to(site), f"{file.name}: {link}"
            assert target.is_file(), f"{file.name}: {link}"
            if place and target in pages:
                assert unquote(place) in pages[target].places, f"{file.name}: {link}"


@pytest.mark.slow
def test_every_public_name_and_every_command_is_in_the_reference(pages: dict[Path, Page]) -> None:
    places = {file.name: page.places for file, page in pages.items()}
    for name in ("dsx", "dsx.analysis", "dsx.plots"):
        package = import_module(name)
        for public in package.__all__:
            value = getattr(package, public)
            if not isinstance(value, (str, ModuleType)):
                ends = {place.rpartition(".")[2] for place in places[f"{name}.html"]}
                assert value.__name__ in ends, f"{name}.{public}"
    commands = cast("click.Group", typer.main.get_command(app)).commands
    assert {f"dsx-{name}" for name in commands if name != "data"} | {"dsx-data-prepare"} <= places["commands.html"]


@pytest.mark.slow
def test_a_page_that_the_navigation_does_not_name_stands_in_the_guides(site: Path) -> None:
    front = (site / "index.html").read_text(encoding="utf-8")
    guides = front[front.index("Guides") : front.index("Reference", front.index("Guides"))]
    assert "A page of a newcomer" in guides


@pytest.mark.slow
def test_a_file_beside_the_documentation_is_taken_along(site: Path) -> None:
    assert 'href="repository/spaces/AnyNetXA.yaml.txt"' in (site / "newcomer.html").read_text(encoding="utf-8")
    copy = site / "repository" / "spaces" / "AnyNetXA.yaml.txt"
    assert copy.read_bytes() == (ROOT / "spaces" / "AnyNetXA.yaml").read_bytes()


@pytest.mark.slow
def test_a_dead_link_fails_the_build(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "docs" / "newcomer.md").write_text("[gone](nowhere.md) and [lost](method.md#nowhere)\n")
    done = built(folder)
    assert done.returncode == 1
    assert "newcomer.md' contains a link 'nowhere.md'" in done.stderr
    assert "does not contain an anchor '#nowhere'" in done.stderr


@pytest.mark.slow
def test_the_first_study_is_as_told(dsx: Command, tmp_path: Path) -> None:
    text = (DOCS / "tutorials" / "first_study.md").read_text(encoding="utf-8")
    printed = ""
    for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL):
        for line in block.splitlines():
            program, *words = shlex.split(line.replace("recipe.epochs=2", "recipe.epochs=1"))
            assert program == "dsx"
            done = dsx(*words)
            assert done.code == 0, (line, done.err)
            printed += done.out
    for told in re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL):
        assert told in printed
    assert open_study(tmp_path / "runs" / "E").counts()["done"] == 6
    assert (tmp_path / "runs" / "analysis" / "report.html").is_file()


@pytest.mark.slow
def test_the_tutorial_on_own_images_goes_from_pictures_to_a_verdict(dsx: Command, tmp_path: Path) -> None:
    text = (DOCS / "tutorials" / "own_images.md").read_text(encoding="utf-8")
    text = text.replace("--n 24", "--n 5").replace("--top 3", "--top 1")
    for name, content in re.findall(r"^```\w+ (\S+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(content)
    printed = ""
    for block in re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            program, *words = shlex.split(line)
            if program == "python":
                subprocess.run([sys.executable, *words], cwd=tmp_path, check=True, timeout=300)
                continue
            done = dsx(*words)
            # of so few models nothing is proposed, which is said
            few = done.code == 2 and words[0] == "narrow" and "at least 12 are needed" in done.err
            assert done.code == 0 or few, (line, done.err)
            printed += done.out
    assert "300 training images (3 classes of 100) in shapes/train" in printed
    assert "5 and 5 models cannot decide between grow and shrink" in printed
    assert (tmp_path / "runs" / "shapes" / "analysis" / "report.html").is_file()


def commands_in(path: Path) -> list[list[str]]:
    """The lines of a document that call dsx, as words; an … stands for what a reader fills in."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|bash)?\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for line in "\n".join(blocks).replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("dsx ") and "…" not in line]


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda path: path.stem)
def test_every_command_of_a_document_is_one_that_dsx_has(path: Path) -> None:
    group = cast("click.Group", typer.main.get_command(app))
    for name, *words in commands_in(path):
        assert name in group.commands, f"{path.name}: dsx {name}"
        before_pipe = words[: words.index("|")] if "|" in words else words
        context = group.commands[name].make_context(name, [word for word in before_pipe if word != "&"])
        given = context.params
        known = {"space": ("spaces", ""), "recipe": ("experiments", "recipe"), "experiment": ("experiments", "")}
        for option, (kind, folder) in known.items():
            value = given.get(option)
            if isinstance(value, str) and not value.endswith(".yaml") and value != "NAME":
                assert resources.find(kind, value, group=folder), f"{path.name}: {value}"


def trained_in(path: Path) -> Iterator[tuple[str, int | None, str]]:
    """Space, classes if asked for, and recipe of what a document samples or names, and launches by a recipe."""
    group = cast("click.Group", typer.main.get_command(app))
    made: dict[str, tuple[str, int | None]] = {f"runs/{name}": (name, None) for name in resources.names("spaces")}
    for name, *words in commands_in(path):
        given = group.commands[name].make_context(name, list(words)).params if name in ("sample", "launch") else {}
        if name == "sample":
            made[str(given["out"] or f"runs/{given['space']}")] = (str(given["space"]), given["num_classes"])
        for study in given.get("studies") or ():
            if study in made and given["recipe"]:
                yield (*made[study], given["recipe"])


@pytest.mark.slow
def test_recipes_of_documents_fit_the_spaces_that_they_train() -> None:
    shipped = resources.names("spaces"), resources.names("experiments", "recipe")
    tried = 0
    for path in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        for name, classes, trained_by in trained_in(path):
            if name in shipped[0] and trained_by in shipped[1]:
                space, recipe = dsx.load_space(name), dsx.load_recipe(trained_by)
                place = f"{path.name}: {name} by {trained_by}"
                assert recipe.in_channels == space.in_channels, place
                assert recipe.num_classes in (None, classes or space.num_classes), place
                tried += 1
    assert tried > 8


def test_the_lines_of_python_give_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    failed, tried = doctest.testfile(str(DOCS / "tutorials" / "in_python.md"), module_relative=False)
    assert failed == 0
    assert tried > 10


def test_the_house_names_the_packages_in_the_order_of_the_contract() -> None:
    house = (DOCS / "architecture.md").read_text(encoding="utf-8")
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    layers = setup["importlinter:contract:layers"]["layers"].split()
    assert re.findall(r"^\| `dsx\.(\w+)`", house, flags=re.MULTILINE) == [*reversed(layers[1:])]
    assert {path.parent.name for path in (ROOT / "dsx").glob("*/__init__.py")} | {"cli", "__main__"} == set(layers)


def test_the_page_of_files_names_what_is_in_a_study(tmp_path: Path) -> None:
    paths = StudyPaths(Path("study"))
    own = [path for of in (paths, paths.run("ab")) for path in vars(of).values()]
    names = {path.name for path in own} - {"study", "ab"}  # the two folders themselves
    assert len(names) > 10
    assert {name for name in names | {"curves", ".written.json"} if name not in FILES} == set()
    shutil.copytree(ROOT / "tests" / "pinned" / "studies" / "seeds", tmp_path / "seeds")
    study = open_study(tmp_path / "seeds")
    columns = [name for name in study.results().columns if name not in study.population.settings]
    assert "error" in columns
    assert [name for name in columns if f"`{name}`" not in FILES] == []


def test_the_page_of_analyses_has_a_row_for_every_exhibit() -> None:
    rows = re.findall(r"^\| (.*?) \|", (DOCS / "analysis.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    told = {part for row in rows for name in re.findall(r"`([\w/.]+)`", row) for part in name.split("/")}
    files = {"edf_matched": "edf_equal_flops", "error_by_complexity": "error_by_flops", "linear": "e_fit"}
    files |= {"edf_difference": "edf_difference_A_B", "attainment": "attainment_flops"}
    names = [files.get(exhibit.name, exhibit.name) for exhibit in exhibits()]
    assert [name for name in names if not {name, f"{name}.csv"} & told] == []


def test_the_page_of_files_names_every_key_of_a_result() -> None:
    section = FILES[FILES.index("## result.json") : FILES.index("## The results table")]
    keys = {field.name for field in fields(Result)}
    told = set(re.findall(r"`(\w+)`", section))
    assert keys <= told
    record = next((ROOT / "tests" / "pinned" / "studies" / "trained" / "models").rglob("result.json"))
    assert json.loads(record.read_text()).keys() <= keys


def test_the_changelog_has_this_version() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {dsx.__version__}" in changes
    assert f"version: {dsx.__version__}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
