from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torchvision

from dsx.training.data.formats import read_cifar, read_idx
from dsx.training.data.published import read_published
from dsx.training.faults import DataError

Folder = tuple[Path, np.ndarray, np.ndarray]


def test_idx_files_are_read_as_torchvision_reads_them(mnist_folder: Folder) -> None:
    root, images, labels = mnist_folder
    found, official = read_published("mnist", str(root), official=True)
    np.testing.assert_array_equal(found.images[..., 0], images)
    np.testing.assert_array_equal(found.labels, labels)
    assert official is not None
    assert official.images.shape == (50, 28, 28, 1)
    raw = root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    oracle = torchvision.datasets.mnist.read_image_file(str(raw))
    np.testing.assert_array_equal(found.images[..., 0], oracle.numpy())


def test_cifar_batches_are_read_in_order_and_channels_last(cifar_folder: Folder) -> None:
    root, images, labels = cifar_folder
    found, official = read_published("cifar10", str(root), official=True)
    assert official is not None
    np.testing.assert_array_equal(np.concatenate([found.images, official.images]), images.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(np.concatenate([found.labels, official.labels]), labels)


def test_cifar100_takes_the_fine_labels(tmp_path: Path) -> None:
    content = {b"fine_labels": [7, 99], b"coarse_labels": [1, 2], b"data": np.zeros((2, 3072), np.uint8)}
    (tmp_path / "train").write_bytes(pickle.dumps(content, protocol=2))
    assert read_cifar(tmp_path / "train")[1].tolist() == [7, 99]


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (eval, ("1/0",))

    (tmp_path / "batch").write_bytes(pickle.dumps({b"data": Evil(), b"labels": []}))
    with pytest.raises(DataError, match=r"not a CIFAR python batch, or cut short \(it refers to builtins.eval\)"):
        read_cifar(tmp_path / "batch")


@pytest.mark.parametrize("keep", [0, 3, 10, 1000])
def test_files_cut_short_say_so(mnist_folder: Folder, cifar_folder: Folder, keep: int) -> None:
    idx = mnist_folder[0] / "MNIST" / "raw" / "train-images-idx3-ubyte"
    packed = mnist_folder[0] / "MNIST" / "raw" / "train-labels-idx1-ubyte.gz"
    batch = cifar_folder[0] / "cifar-10-batches-py" / "data_batch_1"
    for path, read in ((idx, read_idx), (packed, read_idx), (batch, read_cifar)):
        path.write_bytes(path.read_bytes()[: min(keep, path.stat().st_size - 1)])
        with pytest.raises(DataError, match="fetch it again"):
            read(path)
