#!/usr/bin/env bash
# Apply the plan of the stack in PULUMI_STACK that has the digest DIGEST, and no other; wait until it is live. PACK and OPTIONS are
# further options, ALLOW the safety limits that may be passed, as a refusal names them; each of them may be empty.
set -euo pipefail
read -r -a options <<< "${PACK:-} ${OPTIONS:-}"
read -r -a allowed <<< "${ALLOW:-}"
for what in "${allowed[@]}"; do options+=("--allow=$what"); done
# In place of the shell, which alone gets the signal of a job that is cancelled.
exec tailstack up --stack "$PULUMI_STACK" --plan-digest "$DIGEST" "${options[@]}"
