#!/usr/bin/env bash
# The shape of the code: a room includes only itself and rooms before it in the data flow; no file above 700 lines and no function
# above 80. Prints every offence and exits 1 if there is one.
set -u
root=${1:?usage: structure.sh REPOSITORY}
rooms=(core scenario cluster workload kernels schedule memory engine run cost estimate report plan calibrate)
failed=0

declare -A place
for i in "${!rooms[@]}"; do place[${rooms[$i]}]=$i; done

for room_dir in "$root"/sim/*/; do
  room=$(basename "$room_dir")
  if [ -z "${place[$room]+x}" ]; then
    echo "sim/$room is not a room of the design"
    failed=1
    continue
  fi
  while IFS=: read -r file line include; do
    target=$(sed -E 's/.*"([a-z_]+)\/.*/\1/' <<<"$include")
    if [ -n "${place[$target]+x}" ] && [ "${place[$target]}" -gt "${place[$room]}" ]; then
      echo "${file#"$root"/}:$line: room '$room' includes '$target', which stands behind it"
      failed=1
    fi
  done < <(grep -rnE '^#include "[a-z_]+/' "$room_dir" --include='*.hpp' --include='*.cpp')
done

while read -r lines file; do
  if [ "$file" != total ] && [ "$lines" -gt 700 ]; then
    echo "${file#"$root"/}: $lines lines, at most 700"
    failed=1
  fi
done < <(find "$root/sim" "$root/tools" "$root/tests" \( -name '*.cpp' -o -name '*.hpp' -o -name '*.cu' -o -name '*.cuh' \) -exec wc -l {} +)

# A function starts at a line that ends in "{" in column 0 style (Google: body closes with "}" in column 0); a table of values does not.
while IFS= read -r offence; do
  echo "${offence#"$root"/}"
  failed=1
done < <(find "$root/sim" "$root/tools" \( -name '*.cpp' -o -name '*.cu' \) -print0 | xargs -0 -r awk '
  FNR == 1 { start = 0 }
  /^[A-Za-z].*\{$/ && !/= \{$/ && !/^(namespace|class|struct|enum|union|extern)/ { start = FNR }
  /^\}/ { if (start && FNR - start + 1 > 80) printf "%s:%d: function of %d lines, at most 80\n", FILENAME, start, FNR - start + 1; start = 0 }')

[ "$failed" = 0 ] && echo "structure: in order"
exit "$failed"
