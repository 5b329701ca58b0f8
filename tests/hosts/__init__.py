"""Several hosts, played by processes on one machine: two nodes, a primary and a standby, clocks apart.

Each host is a process, or a server, with a clock and a wire of its own; where the machine allows it one
has a network of its own. `make test` runs the clocks and the restored backup, `make test-hosts` all.
"""
