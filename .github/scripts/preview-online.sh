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
tailstack preview --stack "$PULUMI_STACK" "${pack[@]}" --output "$report.json" --output "$report.md" || code=$?
if [ -f "$report.md" ]; then cat "$report.md" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"; fi
if [ "$code" -ne 2 ]; then exit "$code"; fi
