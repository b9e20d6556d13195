package report

import (
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pubsync/pubsync/bench/chart"
)

// Document is what is written. The zero value is empty; add to it in order.
type Document struct {
	Title  string
	blocks []block
}

// block is a part of a document. svg is non-nil for a picture.
type block struct {
	markdown, html string
	name           string
	picture        *chart.Bars
}

// Heading adds a heading of the second level.
func (d *Document) Heading(text string) {
	d.add("\n## "+text+"\n\n", "<h2>"+html.EscapeString(text)+"</h2>\n")
}

// Paragraph adds plain text.
func (d *Document) Paragraph(text string) {
	d.add(text+"\n\n", "<p>"+html.EscapeString(text)+"</p>\n")
}

// Commands adds lines that are command lines or output, shown as they are.
func (d *Document) Commands(lines ...string) {
	text := strings.Join(lines, "\n")
	d.add("```\n"+text+"\n```\n\n", "<pre>"+html.EscapeString(text)+"</pre>\n")
}

// Table adds a table. A header that ends in ":" is of a column of figures, set right.
func (d *Document) Table(header []string, rows [][]string) {
	var md, page strings.Builder
	right := make([]bool, len(header))
	page.WriteString("<table>\n<tr>")
	for i, h := range header {
		right[i] = strings.HasSuffix(h, ":")
		h = strings.TrimSuffix(h, ":")
		fmt.Fprintf(&md, "| %s ", cellText(h))
		page.WriteString(htmlCell("th", h, right[i]))
	}
	md.WriteString("|\n")
	page.WriteString("</tr>\n")
	for i := range header {
		md.WriteString("|---")
		if right[i] {
			md.WriteString(":")
		}
	}
	md.WriteString("|\n")
	for _, row := range rows {
		page.WriteString("<tr>")
		for i, c := range row {
			fmt.Fprintf(&md, "| %s ", cellText(c))
			page.WriteString(htmlCell("td", c, i < len(right) && right[i]))
		}
		md.WriteString("|\n")
		page.WriteString("</tr>\n")
	}
	page.WriteString("</table>\n")
	d.add(md.String()+"\n", page.String())
}

// cellText keeps a cell in its column.
func cellText(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s)
}

func htmlCell(tag, text string, right bool) string {
	class := ""
	if right {
		class = ` class="n"`
	}
	return "<" + tag + class + ">" + html.EscapeString(text) + "</" + tag + ">"
}

// Picture adds a picture that the Markdown finds as name.svg.
func (d *Document) Picture(name string, bars chart.Bars) {
	d.blocks = append(d.blocks, block{name: name, picture: &bars})
}

func (d *Document) add(markdown, page string) {
	d.blocks = append(d.blocks, block{markdown: markdown, html: page})
}

// Markdown writes the document as Markdown.
func (d *Document) Markdown(w io.Writer) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "# %s\n\n", d.Title)
	for _, x := range d.blocks {
		if x.picture != nil {
			fmt.Fprintf(b, "![%s](%s.svg)\n\n", cellText(x.picture.Title), x.name)
			continue
		}
		b.WriteString(x.markdown)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// style is the page's whole style; it follows the reader's light or dark setting.
const style = `:root{color-scheme:light dark}body{font:15px/1.5 sans-serif;max-width:72em;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}td,th{border:1px solid #8886;padding:.2em .5em;text-align:left}
.n{text-align:right;font-variant-numeric:tabular-nums}pre{overflow-x:auto;background:#8881;padding:.5em}svg{max-width:100%;height:auto}`

// HTML writes the document as one page that needs no other file.
func (d *Document) HTML(w io.Writer) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n"+
		"<title>%s</title>\n<style>%s</style>\n<h1>%s</h1>\n", html.EscapeString(d.Title), style, html.EscapeString(d.Title))
	for _, x := range d.blocks {
		if x.picture == nil {
			b.WriteString(x.html)
			continue
		}
		if _, err := x.picture.WriteTo(b); err != nil {
			return err
		}
	}
	b.WriteString("</html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteFiles writes NAME.md, NAME.html and the pictures into a folder.
func (d *Document) WriteFiles(dir, name string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for ext, write := range map[string]func(io.Writer) error{".md": d.Markdown, ".html": d.HTML} {
		if err := writeFile(filepath.Join(dir, name+ext), write); err != nil {
			return err
		}
	}
	for _, x := range d.blocks {
		if x.picture == nil {
			continue
		}
		err := writeFile(filepath.Join(dir, x.name+".svg"), func(w io.Writer) error { _, err := x.picture.WriteTo(w); return err })
		if err != nil {
			return err
		}
	}
	return nil
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
