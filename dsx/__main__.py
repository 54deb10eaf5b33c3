"""`python -m dsx`."""

from dsx.cli import main

main()
