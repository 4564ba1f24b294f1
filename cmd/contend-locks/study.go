package main

import (
	"github.com/contend-go/contend/bench/family"
	"github.com/contend-go/contend/bench/study"
	"github.com/contend-go/contend/report/claims"
)

// studied is the family of the cells that the claims need.
func studied(locks family.Family) family.Family {
	var parts []study.Part
	for _, cell := range claims.LockCells() {
		v := family.Values{}
		for flag, value := range cell {
			v[flag] = []string{value}
		}
		parts = append(parts, study.Part{Family: locks, Values: v})
	}
	return study.Of("what contend claims needs to judge the claims about lock services", []string{"--procs 2 --count 8"}, parts)
}
