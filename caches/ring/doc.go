// Package ring is a bounded cache with S3-FIFO eviction on ring buffers. Reads
// and overwrites take no lock; inserts, deletions and evictions briefly lock
// one shard.
package ring
