#!/usr/bin/env bash
# Make one comment of the previews in a folder, and put it on a pull request in place of the last one of its kind.
#
#   .github/scripts/comment.sh KIND NUMBER FOLDER [STACK…]
#
# With names of stacks, each of them has a row, also where its job left no report; else each file NAME.json of the folder has one.
set -euo pipefail
kind=$1 number=$2 folder=$3
shift 3

files=()
if [ "$#" -gt 0 ]; then
  for stack in "$@"; do files+=("$folder/$stack.json"); done
else
  while IFS= read -r -d '' file; do files+=("$file"); done < <(find "$folder" -maxdepth 1 -type f -name '*.json' -print0 | sort --zero-terminated)
  if [ "${#files[@]}" -eq 0 ]; then files=("$folder/offline.json"); fi
fi

# Not in that folder, whose files a stranger's code may have written: what stands here is posted as it is.
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
# Its exit code is the answer, which stands in the comment.
tailstack preview --roll-up --format markdown --output "$made/comment.md" -- "${files[@]}" > /dev/null || true
if [ ! -s "$made/comment.md" ]; then
  printf ':x: **Not safe. No report could be made of the previews.** The log of the run says why.\n' > "$made/comment.md"
fi
tailstack comment --pull-request "$number" --marker "$kind" "$made/comment.md"
