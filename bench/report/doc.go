// Package report writes one document as Markdown and as HTML: headings, paragraphs,
// tables, command lines and pictures. The Markdown names the pictures' files, the HTML
// holds them.
package report
