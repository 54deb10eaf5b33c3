"""Everything that training loads sooner or later; for a process that others are forked from."""

import dsx.training.data.opening
import dsx.training.trainer

__all__ = ["dsx"]
