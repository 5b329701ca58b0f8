"""The command: `python -m relying_party_demo.native --issuer URL --client-id phone login`."""

import sys

from relying_party_demo.native.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
