"""What a running Qt program needs: guards, logs, threads, signals, garbage collection."""
