"""Error and loss on the evaluation images, and exact batch-norm statistics."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dsx.training.data.batches import Batches
from dsx.training.distributed import Group


def evaluate(model: nn.Module, batches: Batches, group: Group) -> dict[str, float]:
    """loss (mean cross-entropy), error (top-1, percent) and error_top5 over all evaluation images, in float32."""
    model.eval()
    sums = torch.zeros(4, dtype=torch.float64, device=batches.device)
    with torch.inference_mode():
        for images, targets in batches.evaluation():
            logits = model(images).float()
            hits = logits.topk(min(5, logits.shape[1]), dim=1).indices.eq(targets[:, None])
            loss = F.cross_entropy(logits, targets, reduction="sum")
            # filled in on the device: a number copied there would make the host wait
            counts = (loss, hits[:, 0].sum(), hits.sum(), sums.new_full((), len(targets)))
            sums += torch.stack([count.double() for count in counts])
    loss_sum, first, five, count = group.sum(sums).tolist()
    images_seen = max(count, 1.0)  # none, if all are unreadable
    return {
        "loss": loss_sum / images_seen,
        "error": 100.0 * (1.0 - first / images_seen),
        "error_top5": 100.0 * (1.0 - five / images_seen),
    }


def precise_batch_norm(
    model: nn.Module, batches: Batches, images: int, epoch: int, group: Group, micro_batch_size: int | None = None
) -> None:
    """Replace batch norm's running statistics by the mean over batches of about `images` training images.

    micro_batch_size: images per forward pass; None: a whole batch.
    """
    count = min(batches.steps_per_epoch, -(-images // batches.batch_size))

    def inputs() -> Iterator[Tensor]:
        for _, (planes, _) in zip(range(count), batches.training(epoch), strict=False):
            yield from torch.split(planes, micro_batch_size) if micro_batch_size else (planes,)

    torch.optim.swa_utils.update_bn(inputs(), model)
    group.average_buffers(model)
