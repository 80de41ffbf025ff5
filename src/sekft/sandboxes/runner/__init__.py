"""The PID-1 program of a sandbox: C source, compiled at set-up."""
