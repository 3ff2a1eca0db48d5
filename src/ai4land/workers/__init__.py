"""Workers: who does the pieces of a long work, this process or many machines, behind one door."""

from ai4land.workers.pool import Rest, Workers, each
from ai4land.workers.slurm import SlurmOptions, slurm_options
from ai4land.workers.table import WORKERS, check_scheduler, open_workers

__all__ = [
    "WORKERS",
    "Rest",
    "SlurmOptions",
    "Workers",
    "check_scheduler",
    "each",
    "open_workers",
    "slurm_options",
]
