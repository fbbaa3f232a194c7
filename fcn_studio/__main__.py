"""``python -m fcn_studio`` and the ``fcn-studio`` script.

The module is kept light, because the network's process imports it too.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line and return the exit code."""
    from fcn_studio.cli import main as run

    return run()


if __name__ == "__main__":
    if getattr(sys, "frozen", False):  # PyInstaller: the network's process is this program again
        import multiprocessing

        multiprocessing.freeze_support()
    sys.exit(main())
