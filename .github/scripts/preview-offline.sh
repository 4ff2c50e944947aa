#!/usr/bin/env bash
# Preview each environment of the checkout and of a base revision, without secrets: NAME.json for each, and all.md of all of them.
# Ends with what `tailstack preview --roll-up` ends with, but for 2, which only says that something changes.
#
#   .github/scripts/preview-offline.sh BASE FOLDER
set -euo pipefail
base=$1 folder=$2
mkdir -p "$folder"

files=()
while IFS= read -r name; do
  # Its exit code stands in the report, and so does what went wrong.
  tailstack preview --offline --base "$base" --merge-base --output "$folder/$name.json" -- "$name" > /dev/null || true
  files+=("$folder/$name.json")
done < <(
  {
    git ls-tree -d --name-only "$base" stacks/
    find stacks -mindepth 1 -maxdepth 1 -type d
  } | sed 's|^stacks/||' | grep --extended-regexp '^[A-Za-z0-9][A-Za-z0-9_.-]*$' | sort --unique
)
if [ "${#files[@]}" -eq 0 ]; then
  echo "There is no environment in stacks/."
  exit 0
fi

code=0
tailstack preview --roll-up --format markdown --output "$folder/all.md" -- "${files[@]}" > /dev/null || code=$?
cat "$folder/all.md" >> "${GITHUB_STEP_SUMMARY:-/dev/stdout}"
if [ "$code" -ne 2 ]; then exit "$code"; fi
