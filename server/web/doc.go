// Package web renders the pages for people: directories, the front page and
// the publications of a target. They are plain HTML that works without
// scripts, asks for nothing else (the style is part of the page), follows the
// reader's light or dark setting, and is read well by a screen reader.
//
// Names come from publishers and are not trusted: html/template escapes them
// for where they stand, and [Display] makes what would act on a page or a
// terminal, such as bidirectional overrides, visible instead.
package web
