#!/usr/bin/env bash
# Write the kubeconfig in TEXT where only this job reads it, and tell the steps after this one. Without any text it does nothing: each
# cluster may have its kubeconfig in the stack's config.
set -euo pipefail
if [ -z "${TEXT:-}" ]; then
  echo "There is no kubeconfig in the environment's secrets."
  exit 0
fi
umask 077
printf '%s' "$TEXT" > "$RUNNER_TEMP/kubeconfig"
printf 'KUBECONFIG=%s\n' "$RUNNER_TEMP/kubeconfig" >> "$GITHUB_ENV"
