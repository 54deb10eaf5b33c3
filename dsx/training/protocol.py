"""What a worker calls to train one network: dsx's own trainer, or one that runs a user's program or function."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from dsx.base.errors import DsxError
from dsx.networks.lookup import Network
from dsx.training.result import Result


class Trainer(Protocol):
    """One training of one network, as `dsx.train`: called again with the same folder it resumes, or returns its result.

    folder: gets `result.json` in the end. should_stop: once true, all is saved and Interrupted raised. Raises DsxError,
    TimeLimitExceeded, OutOfMemory, or whatever the training raises: its model failed.
    """

    def __call__(
        self,
        architecture: Network,
        recipe: Any,
        seed: int = 0,
        folder: Path | str | None = None,
        device: str = "auto",
        *,
        threads: int | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Result: ...


def trainer_named(name: str) -> Trainer:
    """The trainer that `module:function` names. Raises DsxError if it cannot be imported."""
    try:
        trainer: Trainer = imported(name)
    except (ImportError, AttributeError, ValueError, SyntaxError) as error:
        line = next(iter(str(error).splitlines()), "")
        raise DsxError(
            f"trainer {name!r}: cannot be imported ({type(error).__name__}: {line}): write module:function"
        ) from error
    return trainer


def imported(name: str) -> Any:
    """What `package.module:name` names."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
