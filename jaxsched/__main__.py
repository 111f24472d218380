"""`python -m jaxsched`, for where the script is not on the path."""

from jaxsched.cli import main

main()
