"""Lets the tests import the generator's modules and the scripts beside them."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
