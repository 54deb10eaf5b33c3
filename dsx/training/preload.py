"""Everything that training loads sooner or later; for a process that others are forked from."""

import sklearn.datasets
import torch._dynamo  # loaded by the first optimiser step otherwise: a second or more

import dsx.training.data.opening
import dsx.training.trainer

__all__ = ["dsx", "sklearn", "torch"]
