package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newReport() *cobra.Command {
	c := &cobra.Command{
		Use:   "report DIR|FILE…",
		Short: "Draw HTML, PNG and tables from run folders or any benchmark text",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return writeReport(args[0])
		},
	}
	return c
}

func writeReport(dir string) error {
	fmt.Println(dir)
	return nil
}
