/* PE_DMA: loads and stores, as requests to the memories that hold the bytes.
 *
 *   command ─> set-up + translation ─> one request per chunk it touches ─> done with the last one
 *              (pipelined: o_1)        (window of outstanding bytes)
 *
 * Read and write channels are alike.  A channel
 *   - takes the next ready command when it has sent all requests of the one before;
 *   - sends the command's first request set-up + MMU hit time after the command was ready, or later
 *     when the window is full: so set-up overlaps the transfers before;
 *   - sends a request when it fits the window beside the bytes that are outstanding.  A request
 *     larger than the window is cut at whole rows, a longer row at the window's size.
 *
 * A chunk is a stretch of rows that one placement maps to one slice with one displacement; its
 * request carries the shape, so the memory spreads it over its PCs by address.  A command whose
 * mask is all off costs its set-up only.  start_fs = when its set-up began; setup_fs = set-up and
 * translation, misses before the first request included.
 *
 * A request is sent when the TLB has all of its pages (hw/pe/tlb.h).  A page that it has not is walked: one
 * read of the page table's flit, in the PE's slice, and miss_ns.  A PE walks one page at a time; a
 * request ends before a page that is missing.
 */
#ifndef KB_HW_PE_PE_DMA_H
#define KB_HW_PE_PE_DMA_H

#include "hw/component/parts.h"

kb_status kb_dma_create(const kb_parts *parts, uint32_t node, void **dma,
                        kb_error *err) KB_MUST_CHECK;
void kb_dma_destroy(void *dma); /* accepts NULL */

/* Virtual addresses [first, end) mean something else from now on. */
void kb_dma_forget(void *dma, uint64_t first, uint64_t end);

enum { KB_PAGE_TABLE_NBYTES = 1 << 18 }; /* at the end of each slice */

/* Where the entry of a virtual address's page lies: offset in the PE's slice of a machine's HBM. */
uint64_t kb_page_entry_offset(const kb_parts *parts, uint64_t va);

#endif
