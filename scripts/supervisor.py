# SPDX-License-Identifier: MIT
"""A supervisor ends a script's processes and removes its temporary files, however the script ends.

    sys.exit(supervisor.run(work, 'heapprof-soak.'))

`work` runs in a child, with a temporary folder of its own. The parent only waits, for the child's
end or for a signal that ends the script. Then it kills every remaining process that the child
started, even one in a session of its own, and removes the folder.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import tempfile

ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Makes this process the parent of processes that its children leave behind."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children():
    """Yields the process IDs of our children."""
    own = os.getpid()
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open(f'/proc/{entry}/stat', encoding='ascii', errors='replace') as file:
                    stat = file.read()
            except OSError:
                continue
            if int(stat.rpartition(')')[2].split()[1]) == own:
                yield int(entry)


def kill_descendants():
    """Kills and reaps our children until there are none. The children of a killed process become
    ours."""
    while left := list(children()):
        for pid in left:
            with contextlib.suppress(PermissionError):  # waits for another user's process
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _status_of(pid):
    """Returns the exit status of that child, or None while it runs. Reaps our other children."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == pid:
                status = os.waitstatus_to_exitcode(ended[1])
                return status if status >= 0 else 128 - status
    return None


def _wait(pid, ending):
    """Waits for the end of the child or for a signal; returns the status with which to exit."""
    while (status := _status_of(pid)) is None:
        number = signal.sigwait({signal.SIGCHLD, *ending})
        if number in ending:
            return 128 + number
    return status


def run(work, prefix):
    """Calls work(folder) in a child. Returns the exit status: the one that it returned or ended
    with, or 128 plus the number of the signal that ended it. The folder is the child's TMPDIR. A
    signal that is ignored, as under nohup, stays ignored."""
    ending = {number for number in ENDING if signal.getsignal(number) != signal.SIG_IGN}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # From here on no signal is delivered; sigwait() takes those that arrive.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, *ending})
    adopt_orphans()
    folder = tempfile.mkdtemp(prefix=prefix)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        for number in ending:
            signal.signal(number, signal.SIG_DFL)  # the child gets the signals of a terminal too
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.environ['TMPDIR'] = tempfile.tempdir = folder
        sys.exit(work(folder))
    status = _wait(pid, ending)
    kill_descendants()
    shutil.rmtree(folder, ignore_errors=True)
    return status
