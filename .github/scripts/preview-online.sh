#!/usr/bin/env bash
# Preview the stack in PULUMI_STACK with credentials: STACK.json and STACK.md in a folder. Ends with 0 where something changes, too.
# PACK are options for the policy pack, and may be empty.
#
#   .github/scripts/preview-online.sh FOLDER
set -euo pipefail
folder=$1
mkdir -p "$folder"
report="$folder/$PULUMI_STACK"
code=0
read -r -a pack <<< "${PACK:-}"

# What is shown has words of the declarations in it, and none of them may be a command to GitHub's runner.
if [ -n "${GITHUB_ACTIONS:-}" ]; then
  quiet="words-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
  printf '::stop-commands::%s\n' "$quiet"
fi
tailstack preview --stack "$PULUMI_STACK" "${pack[@]}" --output "$report.json" --output "$report.md" 2>&1 || code=$?
if [ -n "${quiet:-}" ]; then printf '::%s::\n' "$quiet"; fi

if [ -f "$report.md" ]; then cat "$report.md" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"; fi
if [ "$code" -ne 2 ]; then exit "$code"; fi
