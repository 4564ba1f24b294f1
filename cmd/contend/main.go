// Command contend shows how a Go lock, cache or benchmark behaves as GOMAXPROCS
// rises, where its CPUs go, and which line makes it stop scaling.
package main

import "github.com/contend-go/contend/cmd/commands"

func main() { commands.Main() }
