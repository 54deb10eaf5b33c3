"""One training in progress: its state, one epoch at a time, saved and restored to the bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dsx.networks.anynet import build
from dsx.networks.lookup import Network
from dsx.networks.timing import DTYPES, synchronise
from dsx.recipes.recipe import Recipe
from dsx.training.average import Average
from dsx.training.capture import Captured, check_capture
from dsx.training.checkpoint import save_checkpoint
from dsx.training.data.augment import Mixed, mix
from dsx.training.data.batches import Batches
from dsx.training.distributed import Group
from dsx.training.evaluation import evaluate, precise_batch_norm
from dsx.training.faults import Diverged, Interrupted, TimeLimitExceeded
from dsx.training.fused import fuse
from dsx.training.objective import loss_of, make_optimiser
from dsx.training.pointwise import use_products
from dsx.training.schedule import lr_factor
from dsx.training.streams import derive

# on a GPU, looking at the loss makes the host wait for it
_STEPS_BETWEEN_LOOKS = 50


class Session:
    """Network, optimiser and position of one training on one device.

    identity: what a checkpoint must agree with. seconds, train_seconds, wait_seconds: over all sessions; the first
    includes evaluation, the last is the part of train_seconds spent waiting for data.
    """

    def __init__(
        self,
        architecture: Network,
        recipe: Recipe,
        seed: int,
        batches: Batches,
        group: Group,
        *,
        folder: Path | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        check_capture(recipe, batches.device, group.world)
        self.recipe, self.seed, self.batches, self.group = recipe, seed, batches, group
        self.device, self.folder, self.should_stop = batches.device, folder, should_stop
        self.identity = {"model_id": architecture.model_id, "seed": seed, "recipe": recipe.identity()}
        self.micro_batch_size = recipe.micro_batch_size
        torch.manual_seed(derive(seed, "weights"))
        layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
        self.model: nn.Module = build(architecture).to(device=self.device, memory_format=layout)  # type: ignore[call-overload]
        if self.device.type == "cpu" and recipe.channels_last:
            use_products(self.model)
        if recipe.save_memory:
            fuse(self.model)
        self.optimiser = make_optimiser(self.model, recipe)
        self.average = None if recipe.ema is None else Average(self.model, recipe.ema)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=recipe.precision == "float16")
        called = group.wrap(self.model, self.device)
        self.call: Callable[..., Any] = torch.compile(called) if recipe.compile else called
        self._recording = Captured(batches.batch_size, self.device) if recipe.capture else None
        self.epoch = self.step = self._corrupt_known = 0
        self.curve: list[dict[str, float]] = []
        self.seconds = self.train_seconds = self.wait_seconds = 0.0
        # loss · images, correct, images of the running epoch
        self.sums = torch.zeros(3, device=self.device, dtype=torch.float64)
        torch.manual_seed(derive(seed, "network"))

    def run_epoch(self) -> dict[str, float]:
        """Train to the end of the running epoch, evaluate, and return the epoch's record.

        Raises Diverged, Interrupted or TimeLimitExceeded; for the last two, what was done is saved.
        """
        began = time.perf_counter()
        self.train_steps()
        loss_sum, correct, images = self.group.sum(self.sums).tolist()
        trained = self._clock - began
        lr = self._lr(self.batches.steps_per_epoch - 1)
        record = {"epoch": self.epoch + 1, "lr": lr, "train_loss": loss_sum / images}
        record["train_error"] = 100.0 * (1.0 - correct / images)
        record |= self._evaluated()
        took = time.perf_counter() - began
        self.seconds += time.perf_counter() - self._clock
        earlier = sum(entry["train_seconds"] for entry in self.curve)
        waited = sum(entry["waiting"] * entry["train_seconds"] for entry in self.curve)
        in_epoch = self.train_seconds - earlier
        record |= {"seconds": in_epoch + took - trained, "train_seconds": in_epoch}
        record["waiting"] = (self.wait_seconds - waited) / in_epoch if in_epoch else 0.0
        self.curve.append(record)
        self.epoch, self.step = self.epoch + 1, 0
        self.sums.zero_()
        return record

    def train_steps(self, until: int | None = None) -> None:
        """Train up to step `until` of the running epoch; None: to its end."""
        steps = self.batches.steps_per_epoch
        end = steps if until is None else min(until, steps)
        looks = 1 if self.device.type == "cpu" else _STEPS_BETWEEN_LOOKS
        self.model.train()
        self._clock = time.perf_counter()
        source = self.batches.training(self.epoch, self.step)
        for step in range(self.step, end):
            waiting = time.perf_counter()
            images, targets = next(source)
            self.wait_seconds += time.perf_counter() - waiting
            if len(targets):
                batch = mix(images, targets, self.recipe, self.seed, self.epoch, step)
                self._optimise(batch, self._lr(step))
            elif self.group.world > 1:
                self._optimise(Mixed(images, targets), self._lr(step))
            self.step = step + 1
            if self.step % looks == 0 or self.step == end:
                self._look()
        synchronise(self.device)
        self._count_time()

    def _lr(self, step: int) -> float:
        """Learning rate of a step of the running epoch."""
        steps = self.batches.steps_per_epoch
        factor = lr_factor(self.recipe.schedule, self.epoch * steps + step, steps, self.recipe.epochs)
        return self.recipe.scaled_lr * factor

    def _optimise(self, batch: Mixed, lr: float) -> None:
        """One optimiser step with all that belongs to it."""
        rate: float | Tensor = lr
        if self._recording is not None:
            rate = self._recording.rate.fill_(lr)
        elif self.device.type == "cuda":
            rate = float(np.float32(lr))  # as a recording reads it: the same numbers with and without
        for options in self.optimiser.param_groups:
            options["lr"] = rate
        if self._recording is not None:
            self._recording(self._update, batch)
        else:
            self._update(batch)
        if self.average is not None:
            self.average.n_averaged += 1

    def _update(self, batch: Mixed) -> None:
        """What a recording repeats: gradients, the weights' step, and the average of weights.

        Gradients are the mean over the batch, however many passes or processes it takes.
        """
        share, images = self.micro_batch_size and max(1, self.micro_batch_size // self.group.world), len(batch.targets)
        parts = [batch] if not share or share >= images else batch.split(share)
        scale = self._share_of_processes(images)
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            weight = scale * (len(part.targets) / images) if images else scale
            if self.group.world > 1 and not last:
                with self.call.no_sync():  # type: ignore[attr-defined]
                    self._backward(part, weight)
            else:
                self._backward(part, weight)
        if self.recipe.clip_gradient is not None:
            self.scaler.unscale_(self.optimiser)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_gradient)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.take_in(self.model)

    def _share_of_processes(self, images: int) -> float | Tensor:
        """What the gradient of this process's images counts in the mean of all processes; 1 if all have as many."""
        if self.group.world == 1:
            return 1.0
        every = self.group.sum(torch.tensor(float(images), device=self.device))
        return images * self.group.world / every.clamp(min=1.0)

    def _backward(self, batch: Mixed, weight: float | Tensor) -> None:
        if not len(batch.targets):
            self._attend(batch)
            return
        dtype = DTYPES[self.recipe.precision]
        with torch.autocast(self.device.type, dtype, enabled=dtype is not torch.float32):
            logits = self.call(batch.images)
        loss = loss_of(logits.float(), batch, self.recipe.label_smoothing)
        whole = isinstance(weight, float) and weight == 1.0
        self.scaler.scale(loss if whole else loss * weight).backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            majority = batch.targets if batch.partners is None or batch.share >= 0.5 else batch.partners
            correct = logits.argmax(1).eq(majority).sum()
            # filled in on the device: a number copied there would make the host wait
            images = self.sums.new_full((), len(batch.targets))
            self.sums += torch.stack([loss.detach().double() * images, correct.double(), images])

    def _attend(self, nothing: Mixed) -> None:
        """A pass that changes nothing, for the processes that have images: gradients are exchanged by all or none."""
        self.model.eval()  # leaves batch-norm statistics alone
        blank = nothing.images.new_zeros((1, *nothing.images.shape[1:]))
        (self.call(blank).float().sum() * 0.0).backward()
        self.model.train()

    def _look(self) -> None:
        """See, with all processes, whether to stop: loss not finite, asked to, out of time, or data unreadable."""
        limit = self.recipe.time_limit_min
        elapsed = self.seconds + time.perf_counter() - self._clock
        flags = [
            not math.isfinite(self.sums[0].item()),
            bool(self.should_stop and self.should_stop()),
            limit is not None and elapsed > 60 * limit,
            self._met_corrupt(),
        ]
        diverged, stop, late, corrupt = self.group.any(flags, self.device)
        if corrupt:
            self._count_corrupt()
        if diverged:
            self._count_time()
            raise Diverged(f"loss not finite in epoch {self.epoch + 1}, step {self.step}")
        if stop or late:
            self._count_time()
            self.save()
        if stop:
            raise Interrupted(f"stopped in epoch {self.epoch + 1}, step {self.step}")
        if late:
            raise TimeLimitExceeded(
                f"time limit of {limit:g} min reached in epoch {self.epoch + 1} of {self.recipe.epochs}; a higher"
                " time_limit_min goes on from the checkpoint"
            )

    def _met_corrupt(self) -> bool:
        """Whether this process met unreadable images that the others have not heard of."""
        return len(self.batches.corrupt) > self._corrupt_known

    def _count_corrupt(self) -> None:
        """Let every process know of all unreadable images. Raises CorruptData, in all of them, if they are too many."""
        self.batches.corrupt |= self.group.union(self.batches.corrupt)
        self._corrupt_known = len(self.batches.corrupt)
        self.batches.check_corrupt()

    def _count_time(self) -> None:
        now = time.perf_counter()
        self.seconds += now - self._clock
        self.train_seconds += now - self._clock
        self._clock = now

    def _evaluated(self) -> dict[str, float]:
        models = {"": self.model} | ({"ema_": self.average} if self.average is not None else {})
        record: dict[str, float] = {}
        for prefix, model in models.items():
            self.group.share_buffers(model)
            if self.recipe.precise_bn:
                precise = (self.recipe.precise_bn, self.epoch, self.group, self.micro_batch_size)
                precise_batch_norm(model, self.batches, *precise)
            metrics = evaluate(model, self.batches, self.group)
            record |= {f"{prefix}{name}": value for name, value in metrics.items()}
        if self.group.any([self._met_corrupt()], self.device)[0]:
            self._count_corrupt()
        if math.isnan(record["loss"]):
            raise Diverged(f"evaluation loss not a number after epoch {self.epoch + 1}")
        return record

    def state(self) -> dict[str, Any]:
        """Everything that a later session needs: plain values and tensors."""
        cuda = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        return {
            "identity": self.identity,
            "position": [self.epoch, self.step, self.micro_batch_size],
            "seconds": [self.seconds, self.train_seconds, self.wait_seconds],
            "curve": self.curve,
            "sums": self.group.sum(self.sums.clone()),
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "scaler": self.scaler.state_dict(),
            "generators": [torch.get_rng_state(), cuda],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave, whichever process wrote it, recorded or not. To be called before any step."""
        self.epoch, self.step, self.micro_batch_size = state["position"]
        self.seconds, self.train_seconds, self.wait_seconds = state["seconds"]
        self.curve = list(state["curve"])
        self.sums.copy_(state["sums"] if self.group.leads else torch.zeros(3))
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        for options in self.optimiser.param_groups:
            if "capturable" in options:
                options["capturable"] = self.recipe.capture
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.scaler.load_state_dict(state["scaler"])
        processor, cuda = state["generators"]
        torch.set_rng_state(processor)
        if cuda is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(cuda, self.device)

    def save(self) -> None:
        """Make this moment the newest checkpoint, if there is a folder."""
        if self.folder is None:
            return
        state = self.state()
        if self.group.leads:
            save_checkpoint(self.folder, state)
        self.group.wait()
