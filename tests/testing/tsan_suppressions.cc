// What ThreadSanitizer keeps to itself. Debian's RocksDB is built without sanitizers: the atomic
// counts by which its threads hand memory to each other go unseen, and what they free looks as if
// another thread still read it. Reports without a frame of RocksDB's stay.
// Linked into the tests of thread-sanitized builds only (cmake/AuspexTargets.cmake).
extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions() { return "race:rocksdb::\n"; }
