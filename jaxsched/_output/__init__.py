"""Write directories and files whole or not at all, whatever ends the process."""

from jaxsched._output._content import sha256, write_json
from jaxsched._output._directory import output_directory, whole_directory
from jaxsched._output._file import whole_file
from jaxsched._output._interrupt import leave_in_order
from jaxsched._output._place import OutputError

__all__ = [
    "OutputError",
    "leave_in_order",
    "output_directory",
    "sha256",
    "whole_directory",
    "whole_file",
    "write_json",
]
