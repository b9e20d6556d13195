package main

import "slices"

// table lists the defences that the tests hold. The number is the row of the
// threats.
func table() []mutant {
	return slices.Concat(
		sessions(), derived(), secrets(), paths(), sight(), budgets(), requests(),
		tickets(), trees(), content(), durability(), changes(), small(),
	)
}
