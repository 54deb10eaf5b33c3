"""What a worker calls to train one network: dsx's own trainer, or one that runs a user's program or function."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from dsx.base.errors import DsxError, first_line
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
    trainer: Trainer = imported(name, f"trainer {name!r}", ": write module:function")
    return trainer


def imported(name: str, what: str, remedy: str) -> Any:
    """What `package.module:name` names. what: that is, for the message. Raises DsxError if it cannot be imported."""
    module, _, attribute = name.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError, SyntaxError) as error:
        why = f"{type(error).__name__}: {first_line(error)}"
        raise DsxError(f"{what}: cannot be imported ({why}){remedy}") from error
