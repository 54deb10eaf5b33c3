"""Copies the top-level data folders into the built package; everything else is in setup.cfg."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


class BuildWithData(build_py):
    """A wheel holds `spaces/` and `experiments/` as `dsx/data/`; a checkout uses them where they are."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for folder in ("spaces", "experiments"):
            target = Path(self.build_lib) / "dsx" / "data" / folder
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / folder, target)


setup(cmdclass={"build_py": BuildWithData})
