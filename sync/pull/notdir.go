package pull

import "syscall"

// errNotDir is what looking below a file gives.
const errNotDir = syscall.ENOTDIR
