"""Devices: one process or many, of which each learns the same."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from ai4land.training.experiment import TrainingOptions

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["agree_on_statistics", "launch", "summed", "synchronised"]

FloatArray = npt.NDArray[np.float64]


def launch(options: TrainingOptions) -> Fabric:
    """Devices, launched. Under torchrun, nodes and processes are those that torchrun says."""
    from lightning_fabric import Fabric  # heavy: only training needs it
    from lightning_fabric.strategies.ddp import DDPStrategy

    devices, nodes = options.devices, 1
    if "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    alone = nodes == 1 and devices in (1, "1")
    options_of_ddp: dict[str, Any] = {_broadcast_option(): False}
    strategy: Any = "auto" if alone else DDPStrategy(**options_of_ddp)
    fabric = Fabric(
        accelerator=options.accelerator,
        strategy=strategy,
        devices=devices,
        num_nodes=nodes,
        precision=options.precision,
    )
    fabric.launch()
    return fabric


def _broadcast_option() -> str:
    """What torch calls the broadcast of buffers in each pass, which is switched off.

    A recursion passes the network several times before it goes back, and needs its buffers
    unchanged on the way; they are brought to one by ``agree_on_statistics``.
    """
    known = inspect.signature(DistributedDataParallel).parameters
    return "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"


def summed(fabric: Fabric, values: FloatArray) -> FloatArray:
    """Sum of an array over all processes."""
    if fabric.world_size == 1:
        return values
    # MPS and some accelerators have no float64; counts of pixels pass 2²⁴
    kind = torch.float64 if fabric.device.type in {"cpu", "cuda"} else torch.float32
    own = torch.as_tensor(values, dtype=kind, device=fabric.device)
    total = cast("torch.Tensor", fabric.all_reduce(own, reduce_op="sum"))
    return np.asarray(total.cpu().numpy(), dtype=np.float64)


def synchronised(network: nn.Module, fabric: Fabric) -> nn.Module:
    """The network with batch norms that see the batch of all processes, where a device has them.

    On CPUs there are none: each process norms its own share of a batch.
    """
    if fabric.world_size == 1 or fabric.device.type != "cuda":
        return network
    convert: Any = nn.SyncBatchNorm.convert_sync_batchnorm
    return cast("nn.Module", convert(network))


def agree_on_statistics(network: nn.Module, fabric: Fabric) -> None:
    """Set running statistics of batch norms to their mean over all processes."""
    if fabric.world_size == 1:
        return
    for part in network.modules():
        if isinstance(part, _BatchNorm) and not isinstance(part, nn.SyncBatchNorm):
            for values in (part.running_mean, part.running_var):
                if values is not None:
                    mean = fabric.all_reduce(values.clone(), reduce_op="mean")
                    values.copy_(cast("torch.Tensor", mean))
