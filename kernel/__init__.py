"""The program on a node: runs module versions as child processes behind one port and swaps them in place.

What travels between it and the control plane is fixed in docs/contracts/node-protocol.md and artifact.md.
"""

__version__ = "0.1.0"
