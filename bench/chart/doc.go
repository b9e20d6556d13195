// Package chart writes simple SVG pictures: grouped horizontal bars with their spread.
// They have no scripts and no fonts of their own, and read on light and dark
// pages.
package chart
