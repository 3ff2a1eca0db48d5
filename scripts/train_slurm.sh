#!/usr/bin/env bash
# Train on nodes × 4 GPUs under SLURM; goes on by itself after the time limit or a preemption.
#
#   sbatch --nodes 2 --time 12:00:00 scripts/train_slurm.sh EXPERIMENT.yaml RUN
#
# One task a node starts torchrun, which starts a process a GPU. All samples of a step are the same
# for any number of nodes; `training.batch` counts those of one pass of all GPUs together.
#SBATCH --job-name=ai4land
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=32
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=ai4land-%j.log
#SBATCH --signal=B:USR1@120

set -uo pipefail

if [ $# -ne 2 ]; then
    echo "usage: sbatch [--nodes N] $0 EXPERIMENT.yaml RUN" >&2
    exit 2
fi
experiment=$1
run=$2
gpus=${GPUS_PER_NODE:-4}
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

export OMP_NUM_THREADS=$((${SLURM_CPUS_PER_TASK:-$gpus} / gpus))

# USR1 comes two minutes before the limit, TERM with a preemption, both to this shell alone. torchrun
# hands TERM on to its workers, which finish their step, save RUN/last and exit; it waits 30 s for that.
stopped=""
stop() {
    stopped=$1
    echo "$(date +%T) $1: the training is asked to stop"
    scancel --signal=TERM "$SLURM_JOB_ID.0"
}
trap 'stop USR1' USR1
trap 'stop TERM' TERM

srun --kill-on-bad-exit=1 torchrun \
    --nnodes "$SLURM_JOB_NUM_NODES" \
    --nproc-per-node "$gpus" \
    --rdzv-id "$SLURM_JOB_ID" \
    --rdzv-backend c10d \
    --rdzv-endpoint "$head:${MASTER_PORT:-29500}" \
    --max-restarts 0 \
    --no-python ai4land train "$experiment" --out "$run" &
child=$!

# a signal ends `wait` early, so it is called until the training itself has ended
wait "$child"
status=$?
while kill -0 "$child" 2>/dev/null; do
    wait "$child"
    status=$?
done

if [ -n "$stopped" ] && [ "$status" -ne 0 ]; then
    echo "$(date +%T) back into the queue; the training goes on from $run/last"
    scontrol requeue "$SLURM_JOB_ID"
    exit 0
fi
exit "$status"
