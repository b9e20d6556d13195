package files

import (
	"path"
	"strings"

	"github.com/pubsync/pubsync/sync/manifest"
)

// contentType returns the media type for a file by its name. The table is
// fixed so that every server answers alike; content is never looked at.
func contentType(p manifest.Path) string {
	switch strings.ToLower(path.Ext(p.Base())) {
	case ".html", ".htm", ".xhtml":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".txt", ".log", ".md", ".rst", ".asc", ".sha256", ".sha512", ".md5", ".sum",
		".conf", ".cfg", ".ini", ".toml", ".yaml", ".yml", ".patch", ".diff",
		".c", ".h", ".cc", ".cpp", ".go", ".rs", ".py", ".sh", ".bb", ".bbappend", ".inc", ".manifest":
		return "text/plain; charset=utf-8"
	case ".csv":
		return "text/csv; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".xml", ".xsd", ".xsl":
		return "text/xml; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	case ".ico":
		return "image/x-icon"
	case ".woff":
		return "font/woff"
	case ".woff2":
		return "font/woff2"
	case ".mp4":
		return "video/mp4"
	case ".webm":
		return "video/webm"
	case ".pdf":
		return "application/pdf"
	case ".wasm":
		return "application/wasm"
	case ".gz", ".tgz":
		return "application/gzip"
	case ".bz2", ".tbz2":
		return "application/x-bzip2"
	case ".xz", ".txz":
		return "application/x-xz"
	case ".zst", ".tzst":
		return "application/zstd"
	case ".tar":
		return "application/x-tar"
	case ".zip":
		return "application/zip"
	case ".7z":
		return "application/x-7z-compressed"
	case ".jar":
		return "application/java-archive"
	case ".apk":
		return "application/vnd.android.package-archive"
	case ".deb":
		return "application/vnd.debian.binary-package"
	case ".rpm":
		return "application/x-rpm"
	case ".iso":
		return "application/x-iso9660-image"
	}
	return "application/octet-stream"
}
