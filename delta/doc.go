// Package delta finds what a new file has in common with files that somebody
// else holds, from block signatures sent in rounds, or with both files at hand.
//
// # Rounds
//
// The holder of a basis signs it: [Sign] cuts chosen ranges into blocks and
// hashes each. The owner of the new file keeps a [Plan]; [Plan.Match] finds
// blocks of a basis at any byte offset of what is still unmatched (Tridgell's
// thesis, "Efficient algorithms for sorting and synchronization", ch. 3), and
// [Plan.Next] says which ranges of which basis to sign at a smaller block size
// for another round, or nothing once a round would cost more bytes than it is
// expected to save. Hashes in a coarse round cost next to nothing, and fine
// blocks are hashed only beside the changes (the multiround scheme of Suel,
// Noel and Trendafilov, "Improved file synchronization techniques for
// maintaining large replicated collections over slow networks", ICDE 2004). A
// conversation:
//
//	holder: req := delta.FirstRequest(newSize, basisSize)   // or from the peer
//	        sig, _ := delta.Sign(basis, req)                // travels as codec.AppendSignature
//	owner:  plan := delta.NewPlan(newFile, []int64{basisSize}, delta.PlanOptions{})
//	        plan.Match(0, sig)
//	        for rounds := plan.Next(); len(rounds) > 0; rounds = plan.Next() {
//	                // each request travels as codec.AppendRequest, its answer as codec.AppendHashes
//	                plan.Match(rounds[i].Basis, answer)
//	        }
//	        // codec turns plan.Ops() into parts
//
// With both files at hand [Diff] gives better ops in one call.
//
// # Evidence
//
// A block is two hashes cut to some bits each: a weak one that rolls (package
// rolling) and a strong one, SHA-256. How many bits depends on how much is compared
// with them, see [Request]. As a rule they are just long enough to say that a copy known
// already goes on, which few places are tested for, and weak ones alone; a copy that
// begins in the middle of nowhere takes two blocks in a row, or more if it is from
// another part of the basis than the gap suggests. So about one file in some hundred
// gets a wrong match, and somebody who wants one can make one. The receiver must check
// the digest of the whole file in the end; if it differs, the owner matches again with
// [PlanOptions.Careful], whose hashes are longer and partly strong, and if that fails
// too sends the file whole.
//
// # Bounds
//
// Memory stays below 64 MiB on either side whatever the sizes: block sizes
// grow with the files, a Plan keeps at most [MaxCopies] copies, and files are
// read through small buffers. Looking a window up costs at most [MaxChain]
// comparisons, however many blocks were made to have the same weak hash.
package delta
