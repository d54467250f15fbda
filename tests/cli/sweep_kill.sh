#!/usr/bin/env bash
# A sweep killed with SIGKILL at random and resumed gives the same bytes as one that ran through; the same through MPI.
# Usage: sweep_kill.sh PROGRAM REPOSITORY POINTS KILLS [RANKS]     RANKS 0 (the default): without MPI
# Exit code 77: no MPI here, skipped.
set -euo pipefail
program=$1 repository=$2 points=$3 kills=$4 ranks=${5:-0}
scenario=$repository/scenarios/llama3.1_8b_h100.yaml
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GPUHOURS_DATA=$repository OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
design=("$scenario" --random "$points" --range engine.jitter=0:0.1 --range "training.tokens=1T tokens:20T tokens:log"
  --vary "training.global_batch=128 sequences,96 sequences,6 sequences" --vary cluster.gpu=h100_sxm,h800_sxm,h20 --seed 5 --quiet)

launch=() mpi=()
if [ "$ranks" -gt 0 ]; then
  if ! command -v mpirun >/dev/null || [ ! -f "$(dirname "$program")/gpuhours_mpi.so" ]; then
    echo "skipped: no MPI"
    exit 77
  fi
  launch=(mpirun -n "$ranks") mpi=(--mpi)
fi
sweep() { "${launch[@]}" "$program" sweep "${design[@]}" "${mpi[@]}" "$@"; }

rows() { if [ -f "$1" ]; then wc -l <"$1"; else echo 0; fi; }

# The processes to kill: the sweep itself; under mpirun (choice 0) all ranks and mpirun, or one rank.
victims() {
  local leader=$1 choice=$2
  if [ "$ranks" = 0 ]; then echo "$leader"; return; fi
  local children
  mapfile -t children < <(pgrep -P "$leader" || true)
  if [ "$choice" = 0 ] || [ ${#children[@]} = 0 ]; then
    echo "$leader" "${children[@]}"
  else
    echo "${children[$((choice % ${#children[@]}))]}"
  fi
}

"$program" sweep "${design[@]}" --jobs 2 -o "$folder/through.csv"
RANDOM=11
torn=0
for ((i = 1; i <= kills; i++)); do
  target=$((points * i / (kills + 1) + RANDOM % (points / (kills + 1) + 1)))
  if [ "$ranks" = 0 ]; then
    "$program" sweep "${design[@]}" --jobs $((1 + RANDOM % 3)) --resume -o "$folder/killed.csv" &
  else
    sweep --jobs 1 --resume -o "$folder/killed.csv" 2>/dev/null &
  fi
  leader=$!
  while [ "$(rows "$folder/killed.csv")" -lt "$target" ] && kill -0 $leader 2>/dev/null; do sleep 0.01; done
  # shellcheck disable=SC2046
  kill -9 $(victims $leader $((RANDOM % 3))) 2>/dev/null || true
  wait $leader 2>/dev/null || true
  # a half-written row, as a kill inside a write leaves it
  if [ -f "$folder/killed.csv" ] && [ $((RANDOM % 2)) = 0 ]; then
    printf '%s' "$(($(rows "$folder/killed.csv") - 1)),o" >>"$folder/killed.csv"
    torn=$((torn + 1))
  fi
  echo "kill $i at $(rows "$folder/killed.csv") lines"
  # ranks whose mpirun is gone end by themselves; the file's lock is theirs until then
  for _ in $(seq 200); do
    flock -n "$folder/killed.csv" true && break
    sleep 0.05
  done
done
sweep --jobs 1 --resume -o "$folder/killed.csv"
cmp "$folder/through.csv" "$folder/killed.csv"
[ ! -e "$folder/killed.csv.pending" ]
echo "$points points, $kills kills, $torn torn rows, $ranks ranks: the same bytes"
