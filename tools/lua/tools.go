//go:build tools

// Package tools names the commands that tailstack builds from this module, so that go.mod and go.sum pin all they need.
package tools

import (
	_ "github.com/yuin/gopher-lua/cmd/glua"
)
