"""Data sets of the paper: `load(name, split)`."""
from gradalign.data.core import Data, Pixels, load, names
