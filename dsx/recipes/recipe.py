"""A recipe: everything about how a network is trained, in one frozen, versioned statement. Imports no torch."""

from __future__ import annotations

import json
import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StrictBool, model_validator

from dsx.base import resources
from dsx.base.compose import compose_group
from dsx.base.errors import DsxError, check_mapping
from dsx.base.nested import without
from dsx.base.schema import Count
from dsx.networks.lookup import Network, input_shape
from dsx.networks.user import shape_in_words
from dsx.recipes.base import AnyRecipe
from dsx.recipes.datasets import DATASETS, PREPARED, class_folders
from dsx.recipes.metric import ERROR, Metric
from dsx.recipes.options import Augmentation, Data, Natural, NotNegative, Optimiser, Positive, Schedule, Share
from dsx.recipes.own import OwnRecipe

ErrorKind = Literal[
    "last_raw_top1", "best_raw_top1", "last_raw_top5", "best_raw_top5",
    "last_ema_top1", "best_ema_top1", "last_ema_top5", "best_ema_top5",
]  # fmt: skip
TRAINER = "dsx.training.trainer:train"
# what a space may call settings of the recipe besides their full names
_SHORT = {"weight_decay": "optimiser.weight_decay", "momentum": "optimiser.momentum"}


class Recipe(AnyRecipe):
    """Data set, optimiser, schedule, augmentation, regularisation, precision and metric of a training.

    batch_size: images per optimiser step, over all devices together. The last incomplete batch of an epoch is left out.
    lr: highest learning rate; with lr_reference_batch it holds for a batch of that size and scales in proportion.
    micro_batch_size: images per forward pass and batch-norm group; gradients are summed over the batch. null: all.
    on_out_of_memory: `fail`, or `accumulate` to halve the micro batch and go on from the last checkpoint (one device).
    save_memory: keep a quarter less for the backward pass and compute it anew; the same numbers up to rounding. It does
    so with precision float32 only.
    clip_gradient: highest 2-norm of all gradients together; null: none. label_smoothing: share spread over classes.
    ema: decay per step of the moving average of weights; null: none.
    precise_bn: training images (un-mixed) from which batch-norm statistics are computed before evaluating; 0: none.
    precision: of forward and backward passes; weights stay float32.
    capture: on one CUDA GPU, record the training step as a CUDA graph and replay it: less work for the CPU, more
    memory; the same kernels on the same numbers.
    deterministic: ask the GPU for deterministic kernels (the CPU's always are).
    metric: what `error` means: `last` or `best` epoch, `raw` or `ema` weights, `top1` or `top5`, in percent.
    time_limit_min: minutes of wall time per model, over all its sessions; null: none.
    keep_checkpoint: leave the last checkpoint in the folder when training is done.
    """

    OPERATIONAL: ClassVar[tuple[str, ...]] = (
        "description",
        "time_limit_min",
        "keep_checkpoint",
        "save_memory",
        "capture",
        "data.root",
        "data.workers",
        "data.download",
    )

    data: Data
    resolution: Count
    epochs: Count
    batch_size: Count
    lr: Positive
    lr_reference_batch: Count | None = None
    optimiser: Optimiser
    schedule: Schedule = Schedule()
    augmentation: Augmentation = Augmentation()
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    ema: Share | None = None
    clip_gradient: Positive | None = None
    precise_bn: Natural = 0
    micro_batch_size: Count | None = None
    on_out_of_memory: Literal["fail", "accumulate"] = "fail"
    save_memory: StrictBool = False
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    channels_last: StrictBool = True
    compile: StrictBool = False
    capture: StrictBool = False
    deterministic: StrictBool = False
    metric: ErrorKind = "last_raw_top1"
    time_limit_min: NotNegative | None = None
    keep_checkpoint: StrictBool = False

    @model_validator(mode="before")
    @classmethod
    def _no_images(cls, content: Any) -> object:
        data = content.get("data") if isinstance(content, dict) else None
        return {"resolution": 1, **content} if isinstance(data, dict) and data.get("shape") else content

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.schedule.warmup_epochs > self.epochs:
            raise ValueError(f"schedule.warmup_epochs {self.schedule.warmup_epochs:g} exceeds epochs {self.epochs}")
        if "ema" in self.metric and self.ema is None:
            raise ValueError(f"metric {self.metric} needs ema (a decay such as 0.999)")
        if self.micro_batch_size is not None and self.batch_size % self.micro_batch_size:
            raise ValueError(
                f"batch_size {self.batch_size} is not a multiple of micro_batch_size {self.micro_batch_size}"
            )
        if self.capture:
            self._check_capture()
        if self.data.shape is not None:
            self._check_no_images()
        facts = DATASETS.get(self.data.dataset)
        if self.augmentation.random_area is not None and facts is not None and not facts.files:
            raise ValueError("augmentation.random_area is for images decoded from files; use crop_padding")
        if self.augmentation.lighting and len(self.data.mean) != 3:
            raise ValueError("augmentation.lighting needs images with three channels")
        return self

    def _check_no_images(self) -> None:
        """Raises ValueError for what is only done to images."""
        if self.resolution != 1:
            raise ValueError("resolution: data.shape says that there are no images: leave it out")
        plain = Augmentation(mixup=self.augmentation.mixup).to_dict()
        for name, value in self.augmentation.to_dict().items():
            if value != plain[name]:
                raise ValueError(f"augmentation.{name} is for images, and data.shape says that there are none")

    def _check_capture(self) -> None:
        """Raises ValueError for what differs from step to step, or has a way of its own to run one."""
        for option, chosen in {
            "compile": self.compile,
            "precision float16": self.precision == "float16",
            "augmentation.mixup": self.augmentation.mixup > 0,
            "augmentation.cutmix": self.augmentation.cutmix > 0,
        }.items():
            if chosen:
                remedy = "use bfloat16, or leave capture out" if "precision" in option else "leave one of them out"
                raise ValueError(f"capture does not go with {option}: {remedy}")

    @property
    def num_classes(self) -> int | None:
        """Classes of the data set; of a folder, its class folders; null if only reading the data can tell."""
        facts = DATASETS.get(self.data.dataset)
        if facts is None or facts.num_classes is not None:
            return self.data.num_classes if facts is None else facts.num_classes
        if not self.data.root:
            return None
        root = Path(os.path.expanduser(self.data.root))
        try:
            if self.data.storage == "prepared":
                return len(json.loads((root / PREPARED).read_bytes())["classes"])
            return len(class_folders(root / "train")) or None
        except (OSError, ValueError, KeyError):
            return None  # who reads the images says why

    @property
    def in_channels(self) -> int:
        """Channels of the data set's images."""
        return len(self.data.mean)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one example, as networks get it."""
        return self.data.shape or (self.in_channels, self.resolution, self.resolution)

    @property
    def imagewise(self) -> bool:
        """Whether each image is cropped and augmented by itself: files, and own data sets if the recipe says how.

        Other images have one shape: they are resized to the resolution, and augmented a batch at a time.
        """
        facts = DATASETS.get(self.data.dataset)
        if facts is not None:
            return facts.files
        return self.augmentation.random_area is not None or self.augmentation.evaluation_resize is not None

    @property
    def scaled_lr(self) -> float:
        """Highest learning rate after scaling: lr, or lr · batch_size / lr_reference_batch."""
        return self.lr * self.batch_size / self.lr_reference_batch if self.lr_reference_batch else self.lr

    @property
    def trainer(self) -> str:
        """`module:function`: dsx's own."""
        return TRAINER

    @property
    def measures(self) -> tuple[Metric, ...]:
        """The error, in percent."""
        return (ERROR,)

    def identity(self) -> dict[str, Any]:
        """All that may change a result: the recipe without where data lies, time limits and descriptions."""
        # as in recipes from before there was a choice
        absent = [f"data.{name}" for name in ("evaluation_folder", "shape") if getattr(self.data, name) is None]
        absent += ["data.prepared_size"] if self.data.storage != "prepared" else []
        return without(super().identity(), tuple(absent))

    def with_sampled(self, settings: Mapping[str, object]) -> Recipe:
        """A recipe with what a space sampled, by the full name or, of weight decay and momentum, the short one."""
        return self.with_overrides({_SHORT.get(name, name): value for name, value in settings.items()})

    def check(self, architecture: Network, num_classes: int | None = None) -> None:
        """Raises DsxError if the network does not fit the data: channels, classes, or too small a resolution.

        num_classes: of the data as read, for data sets whose classes only the data tells.
        """
        classes = num_classes or self.num_classes
        for what, of_network, of_data in (
            ("in_channels", architecture.in_channels, self.in_channels),
            ("num_classes", architecture.num_classes, classes),
        ):
            if of_data is not None and of_network != of_data:
                raise DsxError(
                    f"the network has {what} {of_network} and data set {self.data.dataset} of recipe {self.name} has"
                    f" {of_data}: sample the network with {what} {of_data}, or choose another recipe"
                )
        taken = input_shape(architecture, self.resolution)
        if taken != self.input_shape and len(taken) + len(self.input_shape) != 6:  # of images, the network says it
            raise DsxError(
                f"the network takes inputs of {shape_in_words(taken)} and data set {self.data.dataset} of recipe"
                f" {self.name} has {shape_in_words(self.input_shape)}: sample from a space with that input, or choose"
                " another recipe"
            )
        self._check_resolution(architecture, self.resolution)
        if (
            self.data.shape is None
            and (self.micro_batch_size or self.batch_size) == 1
            and self.resolution <= architecture.total_stride
        ):
            which = "micro_batch_size" if self.micro_batch_size else "batch_size"
            raise DsxError(
                f"recipe {self.name}: {which} 1, and at resolution {self.resolution} the last maps are of 1×1: batch"
                f" norm has one value per channel to normalise; use {which} 2 or more, or a higher resolution"
            )

    def describe(self, world: int = 1, training_images: int | None = None) -> str:
        """The effective recipe in one line, after all scaling; world: devices that share a batch."""
        facts = DATASETS.get(self.data.dataset)
        images = training_images
        if images is None and facts is not None and facts.training_images is not None:
            images = facts.training_images
            if self.data.split.evaluate == "held_out":
                images = round(images * (1 - self.data.split.held_out))
        per_group = min(self.micro_batch_size or self.batch_size, -(-self.batch_size // world))
        split = self.data.split
        held_out = split.evaluate == "held_out"
        evaluated = f"{split.held_out:.0%} held out (seed {split.seed})" if held_out else "its official images"
        steps = f", {images // self.batch_size} steps an epoch" if images else ""
        scaled = f" (= {self.lr:g} · batch / {self.lr_reference_batch})" if self.lr_reference_batch else ""
        prepared = f" (prepared with a shorter side of {self.data.prepared_size})" * (self.data.storage == "prepared")
        size = shape_in_words(self.data.shape or self.input_shape[1:])
        warmup = f" with {self.schedule.warmup_epochs:g} of warm-up" if self.schedule.warmup_epochs else ""
        return (
            f"recipe {self.label}: {self.data.dataset}{prepared} at {size}, "
            f"evaluated on {evaluated}; "
            f"global batch {self.batch_size} ({per_group} per batch-norm group{steps}); "
            f"{self.optimiser.name} lr {self.scaled_lr:g}{scaled}, weight decay {self.optimiser.weight_decay:g}, "
            f"{self.schedule.name} over {self.epochs} epochs{warmup}; {self.precision}; error = {self.metric}"
        )


def read_recipe(content: Mapping[str, object], where: str = "recipe") -> AnyRecipe:
    """The recipe that a composed mapping describes: the user's own training if it names a command or a function.

    Raises DefinitionError.
    """
    by_user = "command" in content or "function" in content
    return (OwnRecipe if by_user else Recipe).from_dict(content, where)


def recorded_identity(content: Mapping[str, object]) -> dict[str, Any]:
    """`identity()` of what a checkpoint or a result holds; fields that its version did not know are defaults.

    What this version cannot read stays as it is, and so differs from every recipe.
    """
    known = {*Recipe.model_fields, *OwnRecipe.model_fields}
    try:
        return read_recipe({key: value for key, value in content.items() if key in known}).identity()
    except DsxError:
        return dict(content)


def load_recipe(name_or_path: str | Path, overrides: Mapping[str, object] | None = None) -> AnyRecipe:
    """The recipe of that name (experiments/recipe/NAME.yaml) or in that file, with values replaced.

    overrides: dotted keys or nested mappings. The file's `defaults` list may name recipes that it builds on. This is
    the one reader of the command line, of Python and, through `dsx.base.compose`, of experiments.
    Raises DefinitionError: unknown name or key, bad value.
    """
    name = str(name_or_path)
    path = resources.find("experiments", name, group="recipe")
    if overrides is not None:
        check_mapping("overrides", overrides, "{'epochs': 20}")
    content = compose_group("recipe", path, overrides)
    return read_recipe(content, f"recipe {name}" if name == path.stem else name)
