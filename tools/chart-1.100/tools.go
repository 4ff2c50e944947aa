//go:build tools

// Package tools pins the module that carries the operator's chart and CRDs below cmd/k8s-operator/deploy. Nothing is
// compiled: the module is downloaded, checked against go.sum, and its chart is copied.
package tools

import _ "tailscale.com/version"
