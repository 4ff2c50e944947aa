// Command hujson-format reads HuJSON on stdin and writes it as Tailscale's own formatter does, on stdout.
// The tests hold tailstack's writer against it; nothing else uses it.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/tailscale/hujson"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		text, err = hujson.Format(text)
	}
	if err == nil {
		_, err = os.Stdout.Write(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
