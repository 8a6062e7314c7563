package cli

import "github.com/spf13/cobra"

func newInfo(Streams) *cobra.Command { return &cobra.Command{Use: "info"} }
