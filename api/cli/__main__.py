"""`python -m api.cli` is `tally` without the demo."""

from api.cli import main

main()
