"""Packages that other people install beside dsx."""

from __future__ import annotations

from pathlib import Path


def add_package(folder: Path, module: str, code: str, group: str, entry: str) -> Path:
    """What `pip install` leaves of a package with one module and one entry point; the folder, as of `sys.path`."""
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")
    return folder
