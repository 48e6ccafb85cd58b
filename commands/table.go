package commands

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
)

// table is rows of cells; all rows have as many as the first.
type table [][]string

// lines lays the cells out in columns two spaces apart, without trailing spaces. align
// has a letter a column: r is right, anything else left. A column is as wide as its
// widest cell, and at least as wide as least says.
func (t table) lines(align string, least ...int) []string {
	widths := make([]int, len(align))
	copy(widths, least)
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], lipgloss.Width(cell))
		}
	}
	var lines []string
	for _, row := range t {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-lipgloss.Width(cell))
			if align[i] == 'r' {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}

// String is all lines.
func (t table) text(align string) string {
	return strings.Join(t.lines(align), "\n") + "\n"
}
