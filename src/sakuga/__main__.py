"""`python -m sakuga` is the command `sakuga`."""

from sakuga.cli import main

main()
