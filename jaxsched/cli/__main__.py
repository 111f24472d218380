"""`python -m jaxsched.cli`, for where the script is not on the path."""

from jaxsched.cli._app import main

main()
