"""Services for a running Qt program: guards, logs, threads, signals, garbage collection."""
