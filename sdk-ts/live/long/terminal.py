"""Runs a command on a terminal of its own: `terminal.py LINES COLUMNS COMMAND...`. What it draws goes to standard output.

Lines on standard input are typed one after the other, each when the program has said `: ` since the last.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios

rows, columns, *command = sys.argv[1:]
answers = [line for line in sys.stdin.read().split("\n") if line]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
    os.execvp(command[0], command)
seen = b""
while True:
    select.select([terminal], [], [])
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()
    seen += chunk
    if answers and b": " in seen:
        seen = b""
        os.write(terminal, answers.pop(0).encode() + b"\n")
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status))
