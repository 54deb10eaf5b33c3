"""The parts of a recipe: data, optimiser, schedule, augmentation. Plain checked values; nothing here imports torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictInt, field_validator, model_validator

from dsx.base.schema import Count, Frozen
from dsx.recipes.datasets import DATASETS, check_dataset_name

Natural = Annotated[StrictInt, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Split(Frozen):
    """Which images are evaluated after every epoch.

    evaluate: `held_out` takes a share of every class out of the training images (by `seed`, the same for every
    model); `official` evaluates the data set's own validation or test images and trains on all training images.
    held_out: the share, used only by `held_out`.
    """

    evaluate: Literal["held_out", "official"] = "held_out"
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    seed: Natural = 0


class Data(Frozen):
    """Where images come from and how they are presented.

    dataset: a known name, or `module:callable` that takes (root, train) and returns a torch Dataset.
    root: folder that holds the data set; null for data sets that ship with a dependency.
    mean, std: per channel, of values scaled to 0..1.
    storage: `memory` reads everything once; `stream` reads images in loader processes while training; `auto` streams
    folders of files and keeps all else in memory; these never change a result. `prepared` maps what `dsx data prepare`
    wrote to `root`: other pixels, as every image was resized once before it is cropped.
    prepared_size: of `prepared`: its shorter side in pixels, of which `root` must be.
    workers: loader processes of `stream` (null: one per core, at most 8, and 1 where the CPU trains), or threads of
    `prepared` (null: at most 4); they never change the result.
    evaluation_folder: of a folder of images with split.evaluate official: the folder beside train that is evaluated;
    null: the only one of val, valid, validation and test.
    max_corrupt: share of unreadable images that is tolerated (they are named and left out).
    shape: of what a data set of one's own gives instead of images, as in (30,) or (2, 128): taken as it is, kept in
    memory, less mean and over std of each entry of the first size (0 and 1 where they are left out).
    num_classes: only for `module:callable`; null: one more than its highest label. in_channels: likewise; the channels
    are those of mean and std.
    """

    dataset: str
    root: str | None = None
    split: Split = Split()
    mean: Annotated[tuple[float, ...], Field(min_length=1)]
    std: Annotated[tuple[Positive, ...], Field(min_length=1)]
    storage: Literal["auto", "memory", "stream", "prepared"] = "auto"
    prepared_size: Count = 256
    workers: Natural | None = None
    download: StrictBool = False
    evaluation_folder: str | None = None
    max_corrupt: Share = 0.001
    shape: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    num_classes: Count | None = None
    in_channels: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_it_is(cls, content: Any) -> object:
        shape = content.get("shape") if isinstance(content, dict) else None
        if not isinstance(shape, (list, tuple)) or not shape or not isinstance(shape[0], int):
            return content
        return {"mean": [0.0] * shape[0], "std": [1.0] * shape[0], **content}

    @field_validator("dataset")
    @classmethod
    def _known(cls, name: str) -> str:
        check_dataset_name(name)
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Data:
        if len(self.mean) != len(self.std):
            raise ValueError(
                f"mean has {len(self.mean)} channels and std {len(self.std)}: give one of each per channel"
            )
        facts = DATASETS.get(self.dataset)
        if self.shape is not None:
            self._check_shape(self.shape[0])
        if self.evaluation_folder is not None and not (
            facts is not None and facts.files and self.split.evaluate == "official"
        ):
            raise ValueError("evaluation_folder is for folders of images, with split.evaluate official: leave it out")
        if facts is None:
            if self.in_channels not in (None, len(self.mean)):
                raise ValueError(f"in_channels is {self.in_channels} and mean and std have {len(self.mean)} channels")
            return self
        if self.storage not in ("auto", "prepared", "stream" if facts.files else "memory"):
            kept = "decoded from files while training" if facts.files else "kept in memory"
            raise ValueError(f"{self.dataset} is {kept}: leave storage out")
        if len(self.mean) != facts.in_channels:
            raise ValueError(f"mean and std have {len(self.mean)} channels; {self.dataset} has {facts.in_channels}")
        if self.num_classes is not None or self.in_channels is not None:
            raise ValueError(f"num_classes and in_channels are known for {self.dataset}: leave them out")
        if self.split.evaluate == "official" and not facts.official:
            raise ValueError(f"{self.dataset} has no validation or test images of its own: use split.evaluate held_out")
        return self

    def _check_shape(self, first: int) -> None:
        if self.dataset in DATASETS:
            raise ValueError(f"{self.dataset} gives images: leave shape out")
        if self.storage not in ("auto", "memory"):
            raise ValueError("shape: what is no image is kept in memory: leave storage out")
        if len(self.mean) != first:
            raise ValueError(
                f"mean and std have {len(self.mean)} entries, shape begins with {first}: give one for each"
            )

    @property
    def streams(self) -> bool:
        """Whether images are decoded while training (true) or live decoded in memory (false)."""
        facts = DATASETS.get(self.dataset)
        return self.storage == "stream" or (self.storage == "auto" and facts is not None and facts.files)


class Optimiser(Frozen):
    """`sgd` with momentum, or `adamw`.

    weight_decay: factor per step and unit of learning rate. decay_norm, decay_bias: whether batch norm's scale and
    shift, and the biases of other layers, decay too (as in the authors' code).
    """

    name: Literal["sgd", "adamw"] = "sgd"
    weight_decay: NotNegative
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: StrictBool = True
    betas: tuple[Share, Share] = (0.9, 0.999)
    eps: Positive = 1e-8
    decay_norm: StrictBool = True
    decay_bias: StrictBool = True

    @model_validator(mode="after")
    def _consistent(self) -> Optimiser:
        if self.name == "sgd" and self.nesterov and self.momentum == 0:
            raise ValueError("nesterov needs momentum > 0")
        return self


class Schedule(Frozen):
    """The learning rate as a factor of its highest value, at position x = epochs done, in [0, epochs).

    cosine: (1 + cos(π x / epochs)) / 2. linear: 1 − x / epochs. step: gamma per milestone (in epochs) reached.
    Below warmup_epochs the factor is multiplied by warmup_factor + (1 − warmup_factor) x / warmup_epochs.
    per: `step` moves x with every step, `epoch` once per epoch (as the authors' code does).
    """

    name: Literal["cosine", "linear", "step", "constant"] = "cosine"
    warmup_epochs: NotNegative = 0.0
    warmup_factor: Share = 0.1
    milestones: tuple[Positive, ...] = ()
    gamma: Share = 0.1
    per: Literal["step", "epoch"] = "step"

    @model_validator(mode="after")
    def _consistent(self) -> Schedule:
        if (self.name == "step") != bool(self.milestones):
            raise ValueError("schedule 'step' needs milestones (in epochs), and only it takes them")
        return self


class Augmentation(Frozen):
    """What is done to training images, in this order; the default does nothing.

    random_area: (low, high) shares of the image's area that a random crop covers, or null; its aspect ratio is
    log-uniform in random_aspect. Not for the known data sets of one size (digits, MNIST, CIFAR).
    crop_padding: pixels of mean colour on each side, from which a random crop of the resolution is taken.
    flip: mirror left-right with probability 1/2. automatic: torchvision's policies, before normalisation.
    lighting: standard deviation of the AlexNet colour noise along the three principal components of ImageNet.
    mixup, cutmix: α of the Beta distribution of the mixing share λ, one per batch; 0 is off; with both, each takes
    half the batches. A batch is mixed with itself shifted by one image.
    evaluation_resize: of folders of images: shorter side in pixels before the centre crop of evaluation images; null:
    the resolution · 256/224. A data set by import path whose recipe gives this or random_area is cropped likewise;
    without them all its images have one shape and are resized to the resolution.
    """

    random_area: tuple[Share, Share] | None = None
    random_aspect: tuple[Positive, Positive] = (0.75, 4 / 3)
    crop_padding: Natural = 0
    flip: StrictBool = False
    automatic: Literal["none", "autoaugment", "randaugment", "trivialaugment"] = "none"
    lighting: NotNegative = 0.0
    mixup: NotNegative = 0.0
    cutmix: NotNegative = 0.0
    evaluation_resize: Count | None = None
