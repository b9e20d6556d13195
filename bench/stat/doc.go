// Package stat is the statistics of the report: medians and spreads of few rounds,
// ratios with confidence intervals, geometric means. Everything is a pure function.
package stat
