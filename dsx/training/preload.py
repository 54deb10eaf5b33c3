"""Everything that training loads sooner or later; for a process that others are forked from."""

import sklearn.datasets

import dsx.training.data.opening
import dsx.training.trainer
from dsx.networks.torch_private import load_compiler

load_compiler()

__all__ = ["dsx", "sklearn"]
