"""`dsx export`: what the suffix says."""

from __future__ import annotations

from pathlib import Path

from command_line import Command


def test_export_writes_what_the_suffix_says(dsx: Command, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    assert dsx("export", "ResNet-56", "--out", "net.safetensors").code == 0
    state = load_file(tmp_path / "net.safetensors")
    assert sum(t.numel() for name, t in state.items() if "running" not in name and "batches" not in name) == 855770
    assert dsx("export", "ResNet-56", "--out", "net.zip").code == 2
