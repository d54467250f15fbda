#!/usr/bin/env bash
# A sweep killed with SIGKILL at random and resumed gives the same bytes as one that ran through; the same through MPI.
# Usage: sweep_kill.sh PROGRAM REPOSITORY POINTS KILLS RANKS...     RANKS 0: without MPI; skipped where there is none
set -euo pipefail
program=$1 repository=$2 points=$3 kills=$4
shift 4
scenario=$repository/scenarios/llama3.1_8b_h100.yaml
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GPUHOURS_DATA=$repository OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
design=("$scenario" --random "$points" --range engine.jitter=0:0.1 --range "training.tokens=1T tokens:20T tokens:log"
  --vary "training.global_batch=128 sequences,96 sequences,6 sequences" --vary cluster.gpu=h100_sxm,h800_sxm,h20 --seed 5 --quiet)

rows() { if [ -f "$1" ]; then wc -l <"$1"; else echo 0; fi; }

# The processes to kill: the sweep itself; under mpirun (choice 0) all ranks and mpirun, or one rank.
victims() {
  local leader=$1 choice=$2 children
  if [ "$ranks" = 0 ]; then echo "$leader"; return; fi
  mapfile -t children < <(pgrep -P "$leader" || true)
  if [ "$choice" = 0 ] || [ ${#children[@]} = 0 ]; then
    echo "$leader" "${children[@]}"
  else
    echo "${children[$((choice % ${#children[@]}))]}"
  fi
}

# Ranks whose mpirun is gone end by themselves; the file's lock is theirs until then.
wait_for_lock() {
  for _ in $(seq 200); do
    flock -n "$1" true && return
    sleep 0.05
  done
}

killed_sweep() {
  local file=$1 i target leader torn=0
  for ((i = 1; i <= kills; i++)); do
    target=$(($(rows "$file") + 1 + RANDOM % ((points + 1 - $(rows "$file")) / (kills - i + 2) + 1)))
    "${launch[@]}" "$program" sweep "${design[@]}" --jobs $((1 + RANDOM % 3)) --resume -o "$file" "${mpi[@]}" 2>"$folder/said" &
    leader=$!
    while [ "$(rows "$file")" -lt "$target" ] && kill -0 $leader 2>/dev/null; do sleep 0.03; done
    # shellcheck disable=SC2046
    kill -9 $(victims $leader $((RANDOM % 3))) 2>/dev/null || true
    wait $leader 2>/dev/null || true
    wait_for_lock "$file"
    if [ $((RANDOM % 2)) = 0 ]; then # a half-written row, as a kill inside a write leaves it
      printf '%s' "$(($(rows "$file") - 1)),o" >>"$file"
      torn=$((torn + 1))
    fi
    echo "$ranks ranks: kill $i at $(rows "$file") lines"
  done
  "${launch[@]}" "$program" sweep "${design[@]}" --jobs 1 --resume -o "$file" "${mpi[@]}"
  cmp "$folder/through.csv" "$file"
  [ ! -e "$file.pending" ]
  echo "$ranks ranks: $points points, $kills kills, $torn torn rows: the same bytes"
}

"$program" sweep "${design[@]}" --jobs 2 -o "$folder/through.csv"
[ "$(rows "$folder/through.csv")" = $((points + 1)) ]
RANDOM=11
for ranks in "$@"; do
  launch=() mpi=()
  if [ "$ranks" -gt 0 ]; then
    if ! command -v mpirun >/dev/null || [ ! -f "$(dirname "$program")/gpuhours_mpi.so" ]; then
      echo "$ranks ranks: skipped, no MPI here"
      continue
    fi
    launch=(mpirun -n "$ranks") mpi=(--mpi)
  fi
  killed_sweep "$folder/killed_$ranks.csv"
done
